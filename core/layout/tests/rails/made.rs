//! What the tests are made of.

use holdall_engine::{Block, Key, Record, Stamp, Time, ValueRef};
use holdall_layout::foreign::{ForeignData, Saving, Unwritable};
use holdall_layout::rails::{RailsData, Serializer};

pub const MARSHAL: RailsData = RailsData { serializer: Serializer::Marshal };

/// One row of `rows.txt`.
pub struct Row {
    pub ruby: &'static str,
    pub data: Vec<u8>,
    /// Name, kind, and what is to be seen.
    pub fields: Vec<(&'static str, &'static str, &'static str)>,
}

pub fn rows() -> Vec<Row> {
    let blocks = include_str!("rows.txt").split("\n\n").skip(1);
    let rows = blocks.map(|block| {
        let mut lines = block.lines();
        let ruby = lines.next().and_then(|line| line.strip_prefix("ruby: ")).expect("an expression");
        let data = lines.next().and_then(|line| line.strip_prefix("data: ")).expect("data");
        let field = |line: &'static str| {
            let mut parts = line.splitn(3, ' ');
            let mut part = || parts.next().expect("three parts");
            (part(), part(), part())
        };
        Row { ruby, data: data.replace('|', "\n").into_bytes(), fields: lines.map(field).collect() }
    });
    rows.collect()
}

pub fn record(block: Block) -> Record {
    Record {
        stamp: Stamp::default(),
        created: Time(1),
        accessed: Time(1),
        idle_ms: 0,
        deadline: Time::NEVER,
        principal: None,
        meta: None,
        block,
    }
}

pub fn block(fields: &[(&str, &str)]) -> Block {
    Block::from_fields(fields.iter().map(|(name, json)| (*name, ValueRef::Json(json))))
}

pub fn encode(data: RailsData, block: &Block) -> Result<Vec<u8>, Unwritable> {
    let (key, record) = (Key::new(b"0123456789abcdef"), record(block.clone()));
    data.encode(Saving { key: &key, record: &record, now: Time(1) })
}

pub fn patch(data: RailsData, row: &[u8], changed: &[&str], block: &Block) -> Result<Vec<u8>, Unwritable> {
    let (key, record) = (Key::new(b"0123456789abcdef"), record(block.clone()));
    let changed: Vec<Box<str>> = changed.iter().map(|name| Box::from(*name)).collect();
    data.patch(row, &changed, Saving { key: &key, record: &record, now: Time(1) })
}

pub fn decode(data: RailsData, row: &[u8]) -> Block {
    data.decode(row).expect("the row is readable").block
}
