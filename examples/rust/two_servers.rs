//! Two servers on one database, with tickets: each request may go to either of them.
//!
//! The two bags stand for two processes. `cargo run -p holdall-examples --bin two_servers -- fleet.db`

use holdall::{Holdall, Open, Options, Result, Sharing};
use std::time::Duration;

/// A request: counts in the session, and answers the cookie to send back: a ticket.
fn visit(server: &Holdall, cookie: &str) -> Result<String> {
    let mut session = server.session(cookie)?;
    let visits = session.get::<u64>("visits")?.unwrap_or(0) + 1;
    session.set("visits", &visits)?;
    // In `fleet` a save returns when the database has committed, so that the next server can read it.
    let _ = session.save()?;
    // The ticket names what was committed: a server whose copy is at least that new needn't ask the database.
    Ok(session.ticket())
}

fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "fleet.db".to_owned());
    let url = format!("sqlite:{file}");
    let options = || Options::new().sharing(Sharing::Fleet);
    let (left, right) = (Holdall::open(&url, options())?, Holdall::open(&url, options())?);

    let mut cookie = String::new();
    for request in 0..12 {
        // The balancer sends a few requests here, a few there.
        let server = if request / 3 % 2 == 0 { &left } else { &right };
        cookie = visit(server, &cookie)?;
    }
    println!("visits: {}", left.session(&cookie)?.get::<u64>("visits")?.unwrap_or(0));
    let loads = left.stats().loaded + right.stats().loaded;
    println!("the database was read {loads} times for 13 requests");

    // A logout on one server is final on the other: nothing can be saved there any more. With the ticket its copy may
    // still be shown for `max_stale` (5 s); a page that must not do that asks for a fresh one.
    let _ = right.session(&cookie)?.destroy()?;
    let fresh = Open { freshness: Some(Duration::ZERO), ..Open::default() };
    println!("logged out on the left, too: {}", left.open_session(cookie.as_bytes(), fresh)?.is_new());

    for server in [left, right] {
        assert!(server.close(Duration::from_secs(10))?.is_empty(), "the file did not take everything");
    }
    Ok(())
}
