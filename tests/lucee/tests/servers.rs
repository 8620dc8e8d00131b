//! Real Lucee servers read rows that are written here, change them, and read them again after they were changed here.

use base64::prelude::{BASE64_STANDARD, Engine};
use holdall_engine::{Value, ValueRef};
use holdall_layout::foreign::ForeignData;
use holdall_layout::json::same_json;
use holdall_layout::lucee::{Form, LuceeData, Scope};
use holdall_test_databases::MariaDb;
use holdall_test_lucee::{Server, Table, Version, now};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// What a page says of a session: each field's class and value.
type Dump = BTreeMap<String, (String, String)>;

fn json(text: &str) -> Value {
    Value::Json(text.into())
}

fn dump(server: &Server, query: &str, cfid: &str) -> Dump {
    let answer = server.get(&format!("/dump.cfm?{query}"), Some(cfid)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let line = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (name, class, value) = (parts.next()?, parts.next()?, parts.next()?);
        Some((name.to_owned(), (class.to_owned(), value.to_owned())))
    };
    answer.body.lines().filter_map(line).collect()
}

fn page(server: &Server, path: &str, cfid: &str) {
    let answer = server.get(path, Some(cfid)).expect("an answer");
    assert_eq!((answer.status, answer.body.trim()), (200, "ok"), "{path}");
}

/// The fields of a row of ours, and the class that Lucee is to see.
fn fields() -> Vec<(&'static str, Value, &'static str)> {
    let long = format!("\"{}\"", "0123456789ü".repeat(10_000));
    vec![
        ("username", json("\"ada\""), "java.lang.String"),
        ("note", json(r#""it's a \"test\" #1 \\ / {}\r\n\t<&>""#), "java.lang.String"),
        ("unicode", json("\"Zürich 日本語 😀\""), "java.lang.String"),
        ("long", json(&long), "java.lang.String"),
        ("whole", json("42"), "java.lang.Double"),
        ("third", json("0.3333333333333333"), "java.lang.Double"),
        ("large", json("1e300"), "java.lang.Double"),
        ("exact", json("9007199254740993"), "java.lang.Long"),
        ("digits", json("3.14159265358979323846"), "java.math.BigDecimal"),
        ("truth", json("true"), "java.lang.Boolean"),
        ("nothing", json("null"), "null"),
        ("bytes", Value::Bytes((0..=255).collect()), "[B"),
        (
            "cart",
            json(r#"{"item":"book","qty":2,"nested":{"a":{"b":[1,"two",null,{"c":false}]}},"none":{}}"#),
            "lucee.runtime.type.StructImpl",
        ),
        ("list", json(r#"["p",["q",[]],{"k":"v"}]"#), "lucee.runtime.type.ArrayImpl"),
    ]
}

/// JSON and what a page makes of it: the bytes of numbers may differ, as 42.0 and 42.
fn is_same(seen: &str, value: &Value) -> bool {
    match value {
        Value::Json(text) => same_json(seen, text) || seen.parse::<f64>().is_ok_and(|seen| Ok(seen) == text.parse::<f64>()),
        Value::Bytes(bytes) => seen.len() == bytes.len().div_ceil(3) * 4 + 2,
        _ => false,
    }
}

/// One server and its table.
struct Pair {
    version: Version,
    server: Server,
    table: Table,
    sessions: u32,
}

impl Pair {
    fn start(version: Version) -> Self {
        static DATABASE: OnceLock<MariaDb> = OnceLock::new();
        let database = DATABASE.get_or_init(|| MariaDb::start().expect("a database")).database();
        let layout = LuceeData { target: version.target(), ..LuceeData::new("shop") };
        let table = Table::create(&database, layout).expect("the tables");
        let server = Server::start(version, &database).expect("a server");
        Self { version, server, table, sessions: 0 }
    }

    /// An id that no test has used.
    fn cfid(&mut self) -> String {
        self.sessions += 1;
        format!("aaaaaaaa-0000-4000-8000-{:012}", self.sessions)
    }

    fn dump(&self, cfid: &str) -> Dump {
        dump(&self.server, "app=shop", cfid)
    }

    /// The row's fields as JSON, or kind and view.
    fn row(&mut self, cfid: &str) -> BTreeMap<String, String> {
        let decoded = self.table.decoded(cfid).expect("a row");
        let layout = &self.table.layout;
        let shown = |value: ValueRef<'_>| match value {
            ValueRef::Json(text) => text.to_owned(),
            ValueRef::Foreign { kind, raw } => format!("{kind}: {:?}", layout.view(kind, raw)),
            value => format!("{:?}", value.to_value()),
        };
        decoded.block.iter().map(|(name, value)| (name.to_owned(), shown(value))).collect()
    }
}

/// What a part of the test shows, and the part.
type Part = (&'static str, fn(&mut Pair));

fn check(version: Version) {
    let mut pair = Pair::start(version);
    let parts: [Part; 10] = [
        ("a new row is read by Lucee, each field with the class that it has to have", new_row),
        ("what Lucee changes is read here, and what is changed here is read by Lucee", changes),
        ("values of a row that Lucee wrote are put into new rows", moved_values),
        ("a row that Lucee wrote is patched, and Lucee reads all of it", rows_of_lucee),
        ("literals are read by Lucee, and so is what a patch makes of them", literals),
        ("a session that was not used by Lucee for longer than its time-out is there", long_away),
        ("a Lucee that has the session in memory merges what was changed and removed here", merged),
        ("rows of the client scope are read and changed too", client_scope),
        ("a row under a new id is that id's session", rotated),
        ("arrays and structs are such that a page can change them", used_values),
    ];
    for (what, part) in parts {
        println!("{}: {what}", version.name());
        part(&mut pair);
    }
}

fn new_row(pair: &mut Pair) {
    let cfid = pair.cfid();
    let fields = fields();
    let values: Vec<(&str, Value)> = fields.iter().map(|(name, value, _)| (*name, value.clone())).collect();
    pair.table.insert(&cfid, &values, now() - 1000).expect("a row");
    let seen = pair.dump(&cfid);
    for (name, value, class) in &fields {
        let (seen_class, text) = seen.get(*name).unwrap_or_else(|| panic!("no {name} in {:?}", seen.keys()));
        assert!(seen_class == class && is_same(text, value), "{name}: {seen_class} {}", &text[..text.len().min(300)]);
    }
    assert_eq!(seen["cfid"].1, format!("\"{cfid}\""));
    assert_eq!(seen["sessionid"].1, format!("\"shop_{cfid}_0\""));
}

fn changes(pair: &mut Pair) {
    let cfid = pair.cfid();
    let fields = fields();
    let values: Vec<(&str, Value)> = fields.iter().map(|(name, value, _)| (*name, value.clone())).collect();
    pair.table.insert(&cfid, &values, now() - 1000).expect("a row");
    let mut expected = pair.row(&cfid);
    page(&pair.server, "/set.cfm?app=shop&name=color&value=blue", &cfid);
    page(&pair.server, "/remove.cfm?app=shop&name=note", &cfid);
    let row = pair.row(&cfid);
    expected.remove("note");
    expected.insert("color".to_owned(), "\"blue\"".to_owned());
    let visit = |row: &BTreeMap<String, String>| {
        row.iter().filter(|(name, _)| *name != "lastvisit").map(|(name, value)| (name.clone(), value.clone())).collect::<Dumped>()
    };
    compare(&visit(&row), &visit(&expected));

    let patch = [
        ("username", Some(json("\"bob\""))),
        ("truth", None),
        ("color", Some(json("[1,{\"a\":2}]"))),
        ("added", Some(json("{}"))),
    ];
    pair.table.patch(&cfid, &patch).expect("a patch");
    for _ in 0..2 {
        let seen = pair.dump(&cfid);
        assert_eq!(seen["username"].1, "\"bob\"");
        assert_eq!(seen["color"].0, "lucee.runtime.type.ArrayImpl");
        assert_eq!(seen["added"].1, "{}");
        assert!(!seen.contains_key("truth") && !seen.contains_key("note"), "{:?}", seen.keys());
        assert_eq!(seen["list"].1, r#"["p",["q",[]],{"k":"v"}]"#);
        // Once more after Lucee has written the row itself: nothing comes back, nothing is lost.
        page(&pair.server, "/set.cfm?app=shop&name=other&value=x", &cfid);
    }
    let row = pair.row(&cfid);
    assert_eq!((row["username"].as_str(), row["other"].as_str()), ("\"bob\"", "\"x\""));
    assert!(!row.contains_key("truth"));
    let marks = |pair: &mut Pair| {
        let data = pair.table.data(&cfid).expect("a row");
        let bytes = BASE64_STANDARD.decode(data).expect("base64");
        bytes.windows(5).any(|window| window == b"truth")
    };
    assert!(!marks(pair), "Lucee has cleared away the mark of what was removed here");
}

type Dumped = BTreeMap<String, String>;

fn compare(seen: &Dumped, expected: &Dumped) {
    assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, value) in expected {
        let is_same = seen[name] == *value || same_json(&seen[name], value);
        assert!(is_same, "{name}: {} is not {}", &seen[name][..seen[name].len().min(200)], &value[..value.len().min(200)]);
    }
}

/// The rows of the same server from tests/data.
fn kept(version: Version) -> Vec<(String, String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/lucee-rows");
    let table = std::fs::read_to_string(folder.join(format!("{}.tsv", version.name()))).expect("the rows");
    let row = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        (parts[0].to_owned(), parts[1].to_owned(), parts[3].as_bytes().to_vec())
    };
    // The component's source is not the one of the row, and Lucee looks at that.
    table.lines().skip(1).map(row).filter(|(name, ..)| name != "lab_component").collect()
}

fn rows_of_lucee(pair: &mut Pair) {
    for (application, cfid, data) in kept(pair.version) {
        pair.table.layout.application.clone_from(&application);
        pair.table.insert_data(&cfid, &data).expect("a row");
        let query = format!("app={application}");
        let mut before = dump(&pair.server, &query, &cfid);
        pair.table.insert_data(&cfid, &data).expect("the row as it was");
        let patch = [("added", Some(json("[\"new\"]"))), ("username", Some(json("1.5")))];
        pair.table.patch(&cfid, &patch).expect("a patch");
        let mut after = dump(&pair.server, &query, &cfid);
        assert_eq!(after["added"], ("lucee.runtime.type.ArrayImpl".to_owned(), "[\"new\"]".to_owned()), "{application}");
        assert_eq!(after["username"].1, "1.5", "{application}");
        for dump in [&mut before, &mut after] {
            for name in ["added", "username", "lastvisit"] {
                dump.remove(name);
            }
            // This row has no fields at all, and then Lucee takes the time at which it looks.
            if application == "lab_big" {
                dump.remove("timecreated");
            }
        }
        assert_eq!(before, after, "{application}");
    }
    "shop".clone_into(&mut pair.table.layout.application);
}

fn moved_values(pair: &mut Pair) {
    for (application, cfid, data) in kept(pair.version) {
        pair.table.layout.application.clone_from(&application);
        pair.table.insert_data(&cfid, &data).expect("a row");
        let before = dump(&pair.server, &format!("app={application}"), &cfid);
        let decoded = pair.table.layout.decode(&data).expect("a row");
        let fields: Vec<(&str, Value)> = decoded.block.iter().map(|(name, value)| (name, value.to_value())).collect();
        "shop".clone_into(&mut pair.table.layout.application);
        let new = pair.cfid();
        pair.table.insert(&new, &fields, now() - 1000).expect("a row");
        let after = pair.dump(&new);
        for (name, value) in fields.iter().filter(|(name, _)| *name != "lastvisit") {
            let (before, after) = (&before[*name], &after[*name]);
            // Long and integer become double, and an ordered struct a plain one: that is what a value that is set becomes.
            let is_json = matches!(value, Value::Json(_));
            let is_same = if is_json { same_json(&before.1, &after.1) || is_close(&before.1, &after.1) } else { before == after };
            assert!(is_same, "{application} {name}: {before:?} {after:?}");
        }
    }
}

fn is_close(a: &str, b: &str) -> bool {
    a.parse::<f64>().ok() == b.parse::<f64>().ok()
}

fn literals(pair: &mut Pair) {
    let fields = fields();
    let in_a_literal = |name: &str| !matches!(name, "exact" | "digits");
    let values: Vec<(&str, Value)> =
        fields.iter().filter(|(name, ..)| in_a_literal(name)).map(|(name, value, _)| (*name, value.clone())).collect();
    pair.table.layout.form = Form::Literal;
    let cfid = pair.cfid();
    pair.table.insert(&cfid, &values, now() - 1000).expect("a row");
    let seen = pair.dump(&cfid);
    for (name, value) in &values {
        let (class, text) = seen.get(*name).unwrap_or_else(|| panic!("no {name} in {:?}", seen.keys()));
        assert!(is_same(text, value), "{name}: {class} {}", &text[..text.len().min(300)]);
    }
    // Lucee writes what it took from a literal as one of Java's own maps.
    page(&pair.server, "/set.cfm?app=shop&name=one&value=1", &cfid);
    page(&pair.server, "/set.cfm?app=shop&name=two&value=2", &cfid);
    pair.table.patch(&cfid, &[("username", None), ("two", Some(json("[2]"))), ("three", Some(json("3")))]).expect("a patch");
    let seen = pair.dump(&cfid);
    assert!(!seen.contains_key("username") && seen["two"].1 == "[2]" && is_close(&seen["three"].1, "3"));

    let cfid = pair.cfid();
    let date = "createDateTime(2024,10,24,20,0,0,5,\"UTC\")";
    let text =
        format!("{{\"d\":{date},\"s\":createTimeSpan(1,2,3,4),\"o\":[\"z\":1,\"a\":{date}],\"n\":nullValue(),\"q\":\"##\"}}");
    pair.table.insert_data(&cfid, text.as_bytes()).expect("a row");
    let before = pair.dump(&cfid);
    pair.table.layout.form = Form::Java;
    pair.table.insert_data(&cfid, text.as_bytes()).expect("the row as it was");
    pair.table.patch(&cfid, &[("added", Some(json("1")))]).expect("a patch");
    assert!(pair.table.data(&cfid).expect("a row").starts_with(b"rO0AB"));
    let after = pair.dump(&cfid);
    assert_eq!(after["d"], ("lucee.runtime.type.dt.DateTimeImpl".to_owned(), "1729800000005".to_owned()));
    for name in ["d", "s", "o", "n", "q"] {
        assert_eq!(before.get(name), after.get(name), "{name}");
    }
}

fn long_away(pair: &mut Pair) {
    let cfid = pair.cfid();
    pair.table.insert(&cfid, &[("username", json("\"ada\""))], now() - 4 * 3_600_000).expect("a row");
    assert_eq!(pair.dump(&cfid).get("username").map(|field| field.1.as_str()), Some("\"ada\""));
}

/// Without sessionCluster Lucee doesn't look at the row before its own save, and then takes the later of each field; of what was
/// removed here it learns by the mark that is left.
fn merged(pair: &mut Pair) {
    let cfid = pair.cfid();
    let fields = [("username", json("\"ada\"")), ("color", json("\"red\"")), ("stays", json("\"here\""))];
    pair.table.insert(&cfid, &fields, now() - 1000).expect("a row");
    let seen = dump(&pair.server, "app=shop&cluster=false", &cfid);
    assert_eq!(seen["color"].1, "\"red\"");
    pair.table.patch(&cfid, &[("username", Some(json("\"bob\""))), ("color", None)]).expect("a patch");
    page(&pair.server, "/set.cfm?app=shop&cluster=false&name=other&value=x", &cfid);
    let row = pair.row(&cfid);
    assert_eq!((row["username"].as_str(), row["other"].as_str()), ("\"bob\"", "\"x\""));
    assert_eq!(row["stays"], "\"here\"");
    assert!(!row.contains_key("color"), "what was removed has come back");
}

fn client_scope(pair: &mut Pair) {
    let cfid = pair.cfid();
    pair.table.layout.scope = Scope::Client;
    pair.table.insert(&cfid, &[("theme", json("\"dark\"")), ("size", json("12"))], now() - 1000).expect("a row");
    let seen = dump(&pair.server, "app=shop&client=true", &cfid);
    assert_eq!((seen["theme"].1.as_str(), is_close(&seen["size"].1, "12")), ("\"dark\"", true));
    assert_eq!(seen["cfid"].1, format!("\"{cfid}\""));
    assert!(seen["hitcount"].1.parse::<f64>().is_ok_and(|hits| hits >= 1.0), "{:?}", seen["hitcount"]);
    page(&pair.server, "/set.cfm?app=shop&client=true&name=color&value=blue", &cfid);
    pair.table.patch(&cfid, &[("theme", Some(json("\"light\"")))]).expect("a patch");
    let row = pair.row(&cfid);
    assert_eq!((row["color"].as_str(), row["theme"].as_str(), row["size"].as_str()), ("\"blue\"", "\"light\"", "12"));
    pair.table.layout.scope = Scope::Session;
}

fn rotated(pair: &mut Pair) {
    let (old, new) = (pair.cfid(), pair.cfid());
    pair.table.insert(&old, &[("username", json("\"ada\""))], now() - 1000).expect("a row");
    page(&pair.server, "/set.cfm?app=shop&name=color&value=blue", &old);
    let data = pair.table.data(&old).expect("a row");
    let moved = pair.table.patched(&new, &data, &[]).expect("a patch");
    pair.table.insert_data(&new, &moved).expect("a row");
    let seen = pair.dump(&new);
    assert_eq!((seen["username"].1.as_str(), seen["color"].1.as_str()), ("\"ada\"", "\"blue\""));
    assert_eq!(seen["sessionid"].1, format!("\"shop_{new}_0\""));
    let row = pair.row(&new);
    assert_eq!(row["username"], "\"ada\"");
}

fn used_values(pair: &mut Pair) {
    let cfid = pair.cfid();
    pair.table.insert(&cfid, &[("list", json("[\"a\"]")), ("empty", json("[]"))], now() - 1000).expect("a row");
    page(&pair.server, "/append.cfm?app=shop&name=list&value=b", &cfid);
    page(&pair.server, "/append.cfm?app=shop&name=empty&value=c", &cfid);
    let row = pair.row(&cfid);
    assert_eq!((row["list"].as_str(), row["empty"].as_str()), (r#"["a","b"]"#, r#"["c"]"#));
}

#[test]
fn lucee_5_4() {
    check(Version::Lucee54);
}

#[test]
fn lucee_6_2() {
    check(Version::Lucee62);
}

#[test]
fn lucee_7_0() {
    check(Version::Lucee70);
}
