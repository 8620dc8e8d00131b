//! The shortest program: a page that counts the visits of each visitor.
//!
//! `cargo run -p holdall-examples --bin hello` prints the cookie; run it again with the cookie as the argument.

use holdall::{Holdall, Options, Result};
use std::time::Duration;

fn main() -> Result<()> {
    let bag = Holdall::open("sqlite:hello.db", Options::new())?;
    let cookie = std::env::args().nth(1).unwrap_or_default();

    let mut session = bag.session(&cookie)?; // an unknown cookie gives a new session
    let visits = session.get::<u64>("visits")?.unwrap_or(0) + 1;
    session.set("visits", &visits)?;
    let _ = session.save()?; // in memory now; in the file at the latest when the bag is closed

    println!("visit {visits}; cookie {}", session.id());
    let left = bag.close(Duration::from_secs(5))?;
    assert!(left.is_empty(), "the file did not take everything");
    Ok(())
}
