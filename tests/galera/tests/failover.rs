//! The primary dies and a copy takes its place that had not got everything: what memory has is newer than what the
//! database has.

use holdall::{Done, ErrorKind, Holdall, Options, Session};
use holdall_test_databases::{MariaDb, Proxy, wait_until};
use holdall_test_galera::{existing, open, options};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

fn save(session: &mut Session, number: u32) {
    session.set("number", &number).expect("sets");
    assert_eq!(session.save(), Ok(Done::Done));
}

fn begin(bag: &Holdall) -> String {
    let mut session = bag.new_session().expect("a new session");
    session.set("name", "kept").expect("sets");
    save(&mut session, 1);
    session.id().to_owned()
}

fn find(bag: &Holdall, id: &str) -> holdall::Result<Session> {
    bag.open_session(id.as_bytes(), existing())
}

fn read(bag: &Holdall, id: &str) -> Option<u32> {
    find(bag, id).expect("the session is there").get("number").expect("a number")
}

/// How many sessions the bag has reported to have gone back since this was last asked.
fn went_back(bag: &Holdall) -> usize {
    std::iter::from_fn(|| bag.next_event(Duration::ZERO)).filter(|event| event.event.name() == "went_back").count()
}

fn quick() -> Options {
    options().retry(Duration::from_millis(20)).retry_cap(Duration::from_millis(200))
}

#[test]
fn a_copy_that_is_behind_is_noticed_reported_and_mended_from_memory() {
    let first = MariaDb::start().expect("starts");
    let database = first.database();
    let proxy = Proxy::start(first.port()).expect("starts");
    let url = database.url_for(&database.owner, proxy.port());
    let bag = open(&url, quick());
    let read_later: Vec<String> = (0..5).map(|_| begin(&bag)).collect();
    let saved_later = begin(&bag);
    let untouched = begin(&bag);
    let logged_out = begin(&bag);

    let place = tempfile::tempdir().expect("a folder");
    first.copy_data(&place.path().join("copy")).expect("copies");
    for id in read_later.iter().chain([&saved_later]) {
        wait_until("the server is back", SOON, || find(&bag, id).is_ok()).expect("it was only restarted");
        for number in 2..=3 {
            save(&mut find(&bag, id).expect("is there"), number);
        }
    }
    assert_eq!(find(&bag, &logged_out).expect("is there").destroy(), Ok(Done::Done));
    let begun_later = begin(&bag);
    let mut kept_open = find(&bag, &saved_later).expect("is there");
    assert_eq!(went_back(&bag), 0);

    let second = MariaDb::options().data_from(place.path().join("copy")).start().expect("starts");
    proxy.switch_to(second.port());
    first.kill();
    wait_until("the other server answers", SOON, || find(&bag, &untouched).is_ok()).expect("the proxy leads there");

    // What was acknowledged is served, though the database has only an older state; and it is reported.
    for id in &read_later {
        assert_eq!(read(&bag, id), Some(3), "memory has the newer state");
    }
    assert_eq!(went_back(&bag), read_later.len());
    // A save on top of what the database has lost brings everything back.
    save(&mut kept_open, 4);
    assert_eq!(went_back(&bag), 1);
    assert_eq!(read(&bag, &untouched), Some(1));
    let ended = find(&bag, &logged_out).expect_err("who has logged out stays logged out here");
    assert_eq!(ended.kind(), ErrorKind::Gone);
    // A session that the copy never had looks like one that was ended and swept: it is over, and its visitor logs in anew.
    assert_eq!(find(&bag, &begun_later).expect_err("there is no row").kind(), ErrorKind::Gone);

    // The database is mended: a server that knows nothing of all this reads the newer state.
    let fresh = open(&url, quick());
    for id in &read_later {
        wait_until("the row is mended", SOON, || read(&fresh, id) == Some(3)).expect("memory writes it again");
    }
    assert_eq!(read(&fresh, &saved_later), Some(4));
    assert_eq!(find(&fresh, &saved_later).expect("is there").get_json("name"), Some("\"kept\""));
    assert_eq!(went_back(&bag), 0, "once is enough");
    for bag in [bag, fresh] {
        assert!(bag.close(SOON).expect("closes").is_empty());
    }
}
