//! URLs, options, ids, limits.

use crate::made::{Site, Table, quiet, stored};
use holdall::{ErrorKind, Mode, Open};
use std::time::Duration;

#[test]
fn parameters_are_checked() {
    for site in Site::each(Table::Rails) {
        for bad in ["&nonsense=1", "&serializer=yaml", "&trim_days=0", "&trim_days=soon", "&allow_duplicates=yes", "&form=java"] {
            assert_eq!(site.try_open(bad, quiet()).expect_err(bad).kind(), ErrorKind::Invalid, "{bad}");
        }
        for good in ["&serializer=json", "&trim_days=30", "&secure_session_only=true&allow_duplicates=false", "&table=sessions"] {
            site.try_open(good, quiet()).expect(good);
        }
        assert_eq!(site.try_open("&table=users", quiet()).expect_err("no such table").kind(), ErrorKind::Config);
    }
    for site in Site::each(Table::Lucee) {
        for bad in ["&lucee=4.5", "&form=xml", "&scope=server", "&serializer=json"] {
            assert_eq!(site.try_open(bad, quiet()).expect_err(bad).kind(), ErrorKind::Invalid, "{bad}");
        }
        for good in ["&lucee=5.4", "&lucee=7.0&form=literal", "&scope=client"] {
            site.try_open(good, quiet()).expect(good);
        }
        let endless = site.try_open("", quiet().idle(Duration::ZERO)).expect_err("Lucee's sessions have a time-out");
        assert_eq!(endless.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn what_has_no_place_is_refused() {
    for site in Site::each(Table::Rails).into_iter().chain(Site::each(Table::Lucee)) {
        let grace = site.try_open("", quiet().rotation_grace(Duration::from_secs(5)));
        assert_eq!(grace.expect_err("no grace").kind(), ErrorKind::Unsupported);
        let bag = site.open(quiet());
        let mut session = bag.new_session().expect("opens");
        assert_eq!(session.set_principal(Some("anna")).expect_err("no principals").kind(), ErrorKind::Unsupported);
        assert_eq!(session.set_meta(Some("phone")).expect_err("no texts").kind(), ErrorKind::Unsupported);
        let idle = session.set_idle_timeout(Duration::from_mins(5));
        assert_eq!(idle.expect_err("no limits of its own").kind(), ErrorKind::Unsupported);
        assert_eq!(bag.list_principal("anna", None).expect_err("no lists").kind(), ErrorKind::Unsupported);
        session.set("a", &1).expect("sets");
        stored(&mut session);
    }
}

#[test]
fn ids_are_of_the_shape_that_the_stock_software_makes() {
    for (table, dashes) in [(Table::Rails, 0), (Table::Lucee, 4)] {
        for site in Site::each(table) {
            let bag = site.open(quiet());
            let mut session = bag.new_session().expect("opens");
            let hex = session.id().bytes().filter(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
            assert_eq!((session.id().len(), hex), (32 + dashes, 32), "{}", session.id());
            if dashes > 0 {
                let places: Vec<usize> = session.id().match_indices('-').map(|(place, _)| place).collect();
                assert_eq!(places, [8, 13, 18, 23]);
                assert_eq!(session.id().as_bytes()[14], b'4');
            }
            session.set("a", &1).expect("sets");
            stored(&mut session);
            assert_eq!(session.ticket(), session.id(), "a row of other software's has no revision to tell");
            let old = session.id().to_owned();
            assert_eq!(session.rotate(), Ok(holdall::Done::Done));
            let again = bag.session(session.id()).expect("opens");
            assert!(!again.is_new() && session.id() != old && session.id().len() == old.len());
            let gone = bag.open_session(old.as_bytes(), Open { mode: Mode::Existing, ..Open::default() });
            assert!(matches!(gone.expect_err("the old id").kind(), ErrorKind::Gone | ErrorKind::NotFound));
        }
    }
}

#[test]
fn no_event_tells_an_id() {
    for table in [Table::Rails, Table::Lucee] {
        for site in Site::each(table) {
            let bag = site.open(quiet());
            let mut session = bag.new_session().expect("opens");
            session.set("a", &1).expect("sets");
            stored(&mut session);
            let hex = session.id().bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            loop {
                let event = bag.next_event(Duration::from_secs(20)).expect("the session was created");
                for text in [event.to_json(), format!("{event:?}")] {
                    assert!(!text.contains(session.id()) && !text.contains(&hex) && !text.contains(&hex[..8]), "{text}");
                }
                // A commit that had to be tried again reports itself before.
                if event.event.name() == "created" {
                    break;
                }
            }
        }
    }
}

#[test]
fn limits_are_the_stock_softwares() {
    let is_alive = |bag: &holdall::Holdall, id: &str| {
        bag.open_session(id.as_bytes(), Open { mode: Mode::Existing, untouched: true, ..Open::default() }).is_ok()
    };
    for site in Site::each(Table::Rails) {
        let bag = site.open(quiet());
        let mut session = bag.new_session().expect("opens");
        session.set("a", &1).expect("sets");
        stored(&mut session);
        bag.advance_clock(Duration::from_hours(24 * 400));
        assert!(is_alive(&bag, session.id()), "a Rails session has no limit of its own");
        assert_eq!(bag.sweep().expect("sweeps").expired, 0, "no trim age is set");

        let limited = site.open(quiet().idle(Duration::from_mins(10)));
        let mut session = limited.new_session().expect("opens");
        session.set("a", &1).expect("sets");
        stored(&mut session);
        limited.advance_clock(Duration::from_mins(11));
        assert!(!is_alive(&limited, session.id()), "the host's limit counts");
    }
    for site in Site::each(Table::Lucee) {
        let bag = site.open(quiet());
        let mut session = bag.new_session().expect("opens");
        session.set("a", &1).expect("sets");
        stored(&mut session);
        let expires: u64 = site.connect().cell("SELECT expires FROM cf_session_data", &[]).expect("a row").parse().expect("ms");
        let begun = bag.now().0;
        assert!((begun + 30 * 60_000..begun + 33 * 60_000).contains(&expires), "30 minutes, and what may be on its way");
        bag.advance_clock(Duration::from_mins(29));
        assert!(is_alive(&bag, session.id()));
        bag.advance_clock(Duration::from_mins(5));
        assert!(!is_alive(&bag, session.id()));
    }
}

#[test]
fn the_last_content_of_an_expired_session_shows_the_stock_softwares_values() {
    for site in Site::each(Table::Lucee) {
        let bag = site.open(quiet().claim_expired(true).idle(Duration::from_mins(10)));
        let mut session = bag.new_session().expect("opens");
        session.set("cart", &[1, 2]).expect("sets");
        stored(&mut session);
        let id = session.id().to_owned();
        drop(session);
        // As another server's bag, which has the row's own values.
        let other = site.open(quiet().claim_expired(true).idle(Duration::from_mins(10)));
        let _ = other.open_session(id.as_bytes(), Open { mode: Mode::Existing, ..Open::default() }).expect("opens");
        bag.abandon();
        other.advance_clock(Duration::from_hours(2));
        let gone = other.open_session(id.as_bytes(), Open { mode: Mode::Existing, ..Open::default() });
        assert!(gone.is_err());
        let expired = loop {
            let event = other.next_event(Duration::from_secs(20)).expect("it is handed out");
            if event.event.name() == "expired" {
                break event.to_json();
            }
        };
        assert!(expired.contains("\"cart\":[1,2]"), "{expired}");
        assert!(expired.contains("\"timecreated\":\"20"), "a date of Lucee's is shown: {expired}");
    }
}
