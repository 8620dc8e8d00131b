//! A shop: a cart that a login takes over, a logout, "log out everywhere", and a restart in between.
//!
//! Each function below stands for a request handler: it gets the visitor's cookie and answers the one to send back.
//! `cargo run -p holdall-examples --bin cart -- shop.db`

use holdall::{Done, ErrorKind, Holdall, Mode, Open, Options, Result, Which};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct Item {
    name: String,
    pieces: u32,
}

/// Puts something into the cart.
fn add_to_cart(shop: &Holdall, cookie: &str, name: &str, pieces: u32) -> Result<String> {
    let mut session = shop.session(cookie)?;
    let mut cart: Vec<Item> = session.get("cart")?.unwrap_or_default();
    cart.push(Item { name: name.to_owned(), pieces });
    session.set("cart", &cart)?;
    // In `single` a save returns at once and is written behind. What must not be lost may ask for more: see `pay`.
    let _ = session.save()?;
    Ok(session.id().to_owned())
}

/// The password was right: from now on the session is this user's.
fn log_in(shop: &Holdall, cookie: &str, user: &str, device: &str) -> Result<String> {
    let mut session = shop.session(cookie)?;
    session.set_meta(Some(device))?; // for the list of devices
    expect_done("login", session.set_principal(Some(user))?);
    // The id from before the login may be known to others: the visitor gets a new one, the old one is dead.
    expect_done("new id", session.rotate()?);
    Ok(session.id().to_owned())
}

/// Orders what is in the cart, once: two clicks at the same time are one order.
fn pay(shop: &Holdall, cookie: &str) -> Result<&'static str> {
    let mut session = shop.session(cookie)?;
    if session.principal().is_none() {
        return Ok("log in first");
    }
    if session.get::<Vec<Item>>("cart")?.is_none_or(|cart| cart.is_empty()) {
        return Ok("the cart is empty");
    }
    session.remove("cart")?;
    let save = holdall::Save { durability: Some(holdall::Durability::Stored), if_unchanged: true };
    match session.save_with(save) {
        Ok(done) => {
            expect_done("order", done);
            Ok("ordered")
        }
        Err(error) if error.kind() == ErrorKind::Conflict => Ok("the cart has changed, please look again"),
        Err(error) => Err(error),
    }
}

/// Ends one session.
fn log_out(shop: &Holdall, cookie: &str) -> Result<()> {
    let mut session = shop.session(cookie)?;
    expect_done("logout", session.destroy()?);
    Ok(())
}

/// Ends all other sessions of the visitor's user: "log out my other devices".
fn log_out_others(shop: &Holdall, cookie: &str) -> Result<()> {
    let session = shop.session(cookie)?;
    let Some(user) = session.principal() else { return Ok(()) };
    expect_done("logout elsewhere", shop.destroy_principal(user, Which::AllBut(&session))?);
    Ok(())
}

/// With the database down, identity changes take effect here and answer `Pending`: a real shop would say so.
fn expect_done(what: &str, done: Done) {
    if done == Done::Pending {
        println!("{what}: in force here, not confirmed by the database yet");
    }
}

fn show(shop: &Holdall, who: &str, cookie: &str) -> Result<()> {
    let open = Open { mode: Mode::Existing, ..Open::default() };
    let session = match shop.open_session(cookie.as_bytes(), open) {
        Ok(session) => session,
        Err(error) if matches!(error.kind(), ErrorKind::Gone | ErrorKind::NotFound) => {
            println!("{who}: logged out");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let cart: Vec<Item> = session.get("cart")?.unwrap_or_default();
    let items: Vec<String> = cart.iter().map(|item| format!("{} {}", item.pieces, item.name)).collect();
    let items = if items.is_empty() { "nothing".to_owned() } else { items.join(", ") };
    println!("{who}: {}, {items} in the cart", session.principal().unwrap_or("a guest"));
    Ok(())
}

fn devices(shop: &Holdall, user: &str, cookie: &str) -> Result<()> {
    let session = shop.session(cookie)?;
    let mut devices = shop.list_principal(user, Some(&session))?;
    devices.sort_by(|one, other| one.meta.cmp(&other.meta));
    for device in devices {
        let here = if device.is_current { " (this one)" } else { "" };
        println!("  {}{here}", device.meta.unwrap_or_default());
    }
    Ok(())
}

fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "shop.db".to_owned());
    let url = format!("sqlite:{file}");
    let shop = Holdall::open(&url, Options::new().application("shop".to_owned()))?;

    let guest = add_to_cart(&shop, "", "socks", 3)?;
    let guest = add_to_cart(&shop, &guest, "hat", 1)?;
    show(&shop, "phone", &guest)?;
    println!("phone: {}", pay(&shop, &guest)?);

    let phone = log_in(&shop, &guest, "anna", "phone")?;
    show(&shop, "phone", &phone)?;
    show(&shop, "the id from before the login", &guest)?;

    let laptop = add_to_cart(&shop, "", "scarf", 1)?;
    let laptop = log_in(&shop, &laptop, "anna", "laptop")?;
    let library = log_in(&shop, "", "anna", "a computer in the library")?;

    // The server is restarted: closing writes everything.
    let left = shop.close(Duration::from_secs(10))?;
    assert!(left.is_empty(), "the file did not take everything");
    let shop = Holdall::open(&url, Options::new().application("shop".to_owned()))?;
    println!("restarted");

    show(&shop, "phone", &phone)?;
    println!("phone: {}", pay(&shop, &phone)?);
    println!("phone: {}", pay(&shop, &phone)?);
    println!("anna's devices: {}", shop.list_principal("anna", None)?.len());
    log_out(&shop, &library)?;
    show(&shop, "library", &library)?;
    devices(&shop, "anna", &phone)?;
    log_out_others(&shop, &phone)?;
    show(&shop, "phone", &phone)?;
    show(&shop, "laptop", &laptop)?;

    assert!(shop.close(Duration::from_secs(10))?.is_empty(), "the file did not take everything");
    Ok(())
}
