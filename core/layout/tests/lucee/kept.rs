//! The rows that real servers wrote, from tests/data/lucee-rows.

use base64::prelude::{BASE64_STANDARD, Engine};
use std::path::Path;

/// The servers.
pub const SERVERS: [&str; 3] = ["5.4.6.9", "6.2.0.321", "7.0.2.106-RC"];

/// A row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    pub application: String,
    pub cfid: String,
    pub data: Vec<u8>,
}

impl Row {
    /// The row's outer stream.
    pub fn bytes(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.data).expect("the row is base64")
    }
}

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/lucee-rows");
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name} can't be read: {error}"))
}

/// All rows of a server.
pub fn rows(server: &str) -> Vec<Row> {
    let table = read(&format!("{server}.tsv"));
    let row = |line: &str| {
        let [application, cfid, _expires, data] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("four columns") };
        Row { application: application.to_owned(), cfid: cfid.to_owned(), data: data.as_bytes().to_vec() }
    };
    table.lines().skip(1).map(row).collect()
}

/// The row of an application.
pub fn row(server: &str, application: &str) -> Row {
    rows(server).into_iter().find(|row| row.application == application).expect("the application has a row")
}

/// All rows of all servers.
pub fn all() -> impl Iterator<Item = (&'static str, Row)> {
    SERVERS.into_iter().flat_map(|server| rows(server).into_iter().map(move |row| (server, row)))
}

/// What Lucee's own classes made of a field.
#[derive(Debug, Clone)]
pub struct Said {
    pub name: String,
    pub class: String,
    pub value: String,
    pub removed: bool,
}

/// What Lucee's own classes made of an application's row; none if they needed a whole server for it (components).
pub fn said(server: &str, application: &str) -> Option<Vec<Said>> {
    let text = read(&format!("{server}.decoded.txt"));
    let start = format!("### {application} ");
    let lines = text.lines().skip_while(|line| !line.starts_with(&start)).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("###")).collect();
    assert!(!lines.is_empty(), "{server} says something about {application}");
    if lines[0].contains("not readable here") {
        return None;
    }
    let field = |line: &&str| {
        let mut parts = line.trim_start().splitn(3, " | ");
        let (name, class, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let (rest, _time) = rest.rsplit_once(" | lm=")?;
        let (value, removed) = rest.rsplit_once(" | removed=")?;
        Some(Said { name: name.to_owned(), class: class.to_owned(), value: value.to_owned(), removed: removed == "true" })
    };
    Some(lines[1..].iter().map(|line| field(line).unwrap_or_else(|| panic!("a field: {line}"))).collect())
}
