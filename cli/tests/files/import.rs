//! `import` into a file.

use crate::common::{Answer, LUCEE_DATA, RAILS_DATA, now_ms, run};
use crate::file::File;
use holdall::{Holdall, Mode, Open, Options};
use rusqlite::params;
use std::time::Duration;

/// Rows that Django 5.2 wrote, with this `SECRET_KEY`.
const DJANGO_KEY: &str = "a secret for tests only, with ünicode";
const DJANGO_TABLE: &str = "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, \
    expire_date datetime NOT NULL); CREATE INDEX django_session_expire_date_a5c62663 ON django_session (expire_date)";
const DJANGO_SMALL: &str = "eyJuIjowfQ:1xVrqg:PyV_J9RhbuGY44Aelo8AMsXwwg_4VHEcie6c558eMS4";
const DJANGO_LARGE: &str = ".eJztkTsOAiEURbdiXk0Iwqgjpb0rEEP4zYhjIOFTGfcuJFPoCmxs3j2593TvCVLVcpM1uyS9BQ4DBfRZamUWF_pi7yrMEZsYSvIadwW\
va8bnaN3jtLoIjEoF-AXYJkez5Nb86fd0RSAqIZMJPdzUnioqJcqIakdm23WENF_7GfiWsmG3P4xH8kWvN-9NqAU:1xVrqg:\
OGhzu_Bd2rw82gpDT4JGCRY9huIUGvu5L1I3h3bqs20";

fn import(source: &File, target: &File, arguments: &[&str]) -> Answer {
    let arguments = [&["import", "--json"][..], arguments].concat();
    run(&[("HOLDALL_URL", source.url()), ("HOLDALL_TO", target.url())], &arguments, b"")
}

/// What a bag of the application finds under an id, as JSON.
fn field(target: &File, application: &str, id: &str, name: &str) -> Option<serde_json::Value> {
    let bag = Holdall::open(target.url(), Options::new().application(application.to_owned()).adopt(true)).expect("the bag opens");
    let session = bag.open_session(id.as_bytes(), Open { mode: Mode::Existing, ..Open::default() }).ok()?;
    let value = session.get::<serde_json::Value>(name).expect("the field");
    drop(session);
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());
    value
}

fn lucee_source(rows: u64) -> File {
    let file = File::with(
        "CREATE TABLE cf_session_data (expires VARCHAR(64) NOT NULL, cfid VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL, \
         data TEXT NOT NULL); CREATE UNIQUE INDEX ix_cf_session_data ON cf_session_data(cfid, name, expires)",
    );
    let mut connection = file.connect();
    let transaction = connection.transaction().expect("begin");
    let row = |expires: u64, cfid: &str, data: &str| {
        let sql = "INSERT INTO cf_session_data VALUES (?, ?, 'shop', ?)";
        transaction.execute(sql, params![expires.to_string(), cfid, data]).expect("a row");
    };
    let now = now_ms();
    for number in 0..rows {
        row(now + 600_000, &format!("id-{number:05}"), LUCEE_DATA);
    }
    row(now + 500_000, "twice", r#"{"username":"older"}"#);
    row(now + 600_000, "twice", r#"{"username":"newer"}"#);
    row(now - 1000, "over", LUCEE_DATA);
    row(now + 600_000, "broken", "rO0ABnonsense");
    transaction.commit().expect("commit");
    drop(connection);
    file
}

#[test]
fn lucee_sessions_arrive_and_are_counted() {
    let (source, target) = (lucee_source(450), File::of("native"));
    let dry = import(&source, &target, &["--from", "lucee", "--dry-run"]).with_code(1).json();
    assert_eq!((&dry["read"], &dry["verified"]), (&454.into(), &0.into()));
    assert_eq!(target.number("SELECT count(*) FROM holdall_sessions"), 0);

    let answer = import(&source, &target, &["--from", "lucee"]).with_code(1).json();
    for (name, count) in
        [("rows", 454), ("read", 454), ("expired", 1), ("duplicates", 1), ("written", 451), ("verified", 451), ("failed", 0)]
    {
        assert_eq!(answer[name], count, "{name}: {answer}");
    }
    let unreadable = answer["unreadable"].as_object().expect("reasons");
    assert_eq!(unreadable.values().filter_map(serde_json::Value::as_u64).sum::<u64>(), 1);
    assert_eq!(field(&target, "shop", "twice", "username"), Some("newer".into()));
    assert_eq!(field(&target, "shop", "id-00449", "visits"), Some(3.into()));
    assert_eq!(field(&target, "blog", "id-00449", "visits"), None);

    // It lives as long as it would have.
    let sql = "SELECT accessed + idle FROM holdall_sessions LIMIT 1";
    let expires = target.number(sql) - i64::try_from(now_ms()).expect("a time");
    assert!((500_000..=600_000).contains(&expires), "{expires}");
}

#[test]
fn a_second_run_changes_nothing_and_update_brings_what_changed() {
    let (source, target) = (lucee_source(10), File::of("native"));
    source.connect().execute("DELETE FROM cf_session_data WHERE cfid = 'broken'", []).expect("gone");
    import(&source, &target, &["--from", "lucee"]).with_code(0);
    let again = import(&source, &target, &["--from", "lucee"]).with_code(0).json();
    assert_eq!((&again["written"], &again["same"]), (&0.into(), &11.into()));
    let change = r#"UPDATE cf_session_data SET data = '{"username":"grace"}' WHERE cfid = 'id-00003'"#;
    source.connect().execute(change, []).expect("changed");
    let differs = import(&source, &target, &["--from", "lucee"]).with_code(1).json();
    assert_eq!((&differs["different"], &differs["updated"]), (&1.into(), &0.into()));
    let updated = import(&source, &target, &["--from", "lucee", "--update"]).with_code(0).json();
    assert_eq!((&updated["different"], &updated["updated"]), (&0.into(), &1.into()));
    assert_eq!(field(&target, "shop", "id-00003", "username"), Some("grace".into()));
    assert_eq!(field(&target, "shop", "id-00003", "visits"), None, "a field that is gone there is gone here");
}

#[test]
fn a_destroyed_session_does_not_come_back() {
    let (source, target) = (lucee_source(2), File::of("native"));
    import(&source, &target, &["--from", "lucee"]);
    let bag = Holdall::open(target.url(), Options::new().application("shop".to_owned()).adopt(true)).expect("the bag opens");
    let mut session = bag.open_session(b"id-00001", Open { mode: Mode::Existing, ..Open::default() }).expect("a session");
    let _ = session.destroy().expect("destroyed");
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());
    let again = import(&source, &target, &["--from", "lucee", "--update"]).json();
    assert_eq!(again["ended"], 1);
    assert_eq!(field(&target, "shop", "id-00001", "visits"), None);
}

#[test]
fn it_goes_on_where_it_stopped() {
    let (source, target) = (lucee_source(300), File::of("native"));
    let state = target.beside("state");
    let path = state.to_str().expect("a path");
    // A row that the target can't take stops nothing; a table that vanishes in the middle does.
    let full = "CREATE TRIGGER stop BEFORE INSERT ON holdall_sessions WHEN (SELECT count(*) FROM holdall_sessions) >= 120 \
        BEGIN SELECT RAISE(ROLLBACK, 'stopped by the test'); END";
    target.connect().execute_batch(full).expect("a trigger");
    let stopped = import(&source, &target, &["--from", "lucee", "--batch", "50", "--state", path]);
    assert_ne!(stopped.code, 0, "{stopped:?}");
    let kept = std::fs::read_to_string(&state).expect("the state file");
    assert!(kept.contains("\"read\":100"), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&state).expect("the state file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds an id");
    }
    target.connect().execute_batch("DROP TRIGGER stop").expect("dropped");
    let done = import(&source, &target, &["--from", "lucee", "--batch", "50", "--state", path]).json();
    assert_eq!((&done["read"], &done["verified"]), (&304.into(), &301.into()), "counts go on: {done}");
    assert!(!state.exists(), "the state file goes when all is done");
    assert_eq!(target.number("SELECT count(*) FROM holdall_sessions"), 301);

    std::fs::write(&state, kept.replace("lucee", "rails")).expect("written");
    let other = import(&source, &target, &["--from", "lucee", "--state", path]).with_code(2);
    assert!(other.shows("another table"), "{other:?}");
}

#[test]
fn rails_sessions_arrive_under_their_private_id() {
    let (source, target) = (File::of("rails"), File::of("native"));
    let sql = "INSERT INTO sessions (session_id, data, created_at, updated_at) VALUES (?, ?, datetime('now', '-1 day'), \
        datetime('now', ?))";
    let connection = source.connect();
    let hashed = "2::3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
    connection.execute(sql, params![hashed, RAILS_DATA, "-1 minute"]).expect("a row");
    connection.execute(sql, params!["2::json", r#"{"value":{"b":[1]}}"#, "-1 minute"]).expect("a row");
    connection.execute(sql, params!["2::late", RAILS_DATA, "-2 hours"]).expect("a row");
    let answer = import(&source, &target, &["--from", "rails", "--application", "shop"]).with_code(0).json();
    assert_eq!((&answer["verified"], &answer["expired"]), (&2.into(), &1.into()), "{answer}");
    assert_eq!(field(&target, "shop", hashed, "a"), Some(1.into()));
    assert_eq!(field(&target, "shop", "2::json", "b"), Some(serde_json::json!([1])));
}

#[test]
fn django_sessions_are_checked_by_their_key() {
    let (source, target) = (File::with(DJANGO_TABLE), File::of("native"));
    let connection = source.connect();
    let later = "2076-11-11 14:50:22.705606";
    let forged = DJANGO_SMALL.replace("eyJuIjowfQ", "eyJuIjoxfQ");
    for (key, data, expires) in [
        ("4khhwv3u8u0po17cxbze473xu3rkdan3", DJANGO_SMALL, later),
        ("yvhaqtshjqehxemzas0p52wjs2ya9z5f", DJANGO_LARGE, later),
        ("zforgedforgedforgedforgedforged0", forged.as_str(), later),
        ("zexpiredexpiredexpiredexpired000", DJANGO_SMALL, "2020-01-01 00:00:00"),
    ] {
        connection.execute("INSERT INTO django_session VALUES (?, ?, ?)", params![key, data, expires]).expect("a row");
    }
    let arguments = ["--from", "django", "--application", "site"];
    let without = import(&source, &target, &arguments).with_code(2);
    assert!(without.shows("DJANGO_SECRET_KEY"), "{without:?}");
    let path = target.beside("key");
    std::fs::write(&path, format!("{DJANGO_KEY}\n")).expect("written");
    let arguments = [&arguments[..], &["--key-file", path.to_str().expect("a path")]].concat();
    let answer = import(&source, &target, &arguments).with_code(1).json();
    assert_eq!((&answer["verified"], &answer["expired"]), (&2.into(), &1.into()), "{answer}");
    assert_eq!(answer["unreadable"]["the signature is not that of this SECRET_KEY"], 1);
    let large = "yvhaqtshjqehxemzas0p52wjs2ya9z5f";
    assert_eq!(field(&target, "site", large, "ünï"), Some("€😀".into()));
    assert_eq!(field(&target, "site", large, "cart").and_then(|cart| cart.as_array().map(Vec::len)), Some(40));
    assert_eq!(target.number("SELECT count(*) FROM holdall_sessions WHERE principal = '42'"), 1);
    let digits = "SELECT count(*) FROM holdall_sessions WHERE data LIKE '%12345678901234567890123%'";
    assert_eq!(target.number(digits), 1, "no digit is lost");
}

#[test]
fn a_native_table_is_copied_with_its_stamps() {
    let (source, target) = (File::of("native"), File::of("native"));
    let bag = Holdall::open(source.url(), Options::new().application("shop".to_owned())).expect("the bag opens");
    let mut session = bag.session("").expect("a session");
    session.set("n", &7).expect("set");
    let _ = session.save().expect("saved");
    let id = session.id().to_owned();
    drop(session);
    assert!(bag.close(Duration::from_secs(10)).expect("closed").is_empty());
    let answer = import(&source, &target, &["--from", "native"]).with_code(0).json();
    assert_eq!(answer["verified"], 1);
    let stamp = "SELECT revision FROM holdall_sessions";
    assert_eq!(source.number(stamp), target.number(stamp));
    assert_eq!(field(&target, "shop", &id, "n"), Some(7.into()));
}
