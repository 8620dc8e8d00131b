//! Rows that are literals, for the damage: real servers of today write none.

const LITERAL: &str = "{\"lastvisit\":createDateTime(2024,10,24,20,0,0,0,\"UTC\"),\"a\":[1,-2.5e3,true,{\"b\":nullValue()}],\
    \"note\":\"it's \"\"##\"\"\",\"o\":[\"x\":1],\"span\":createTimeSpan(1,2,3,4),\"q\":query(\"id\":[1])}";

/// The rows, and one literal for ten of them.
pub fn with_literals(mut rows: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let literals = rows.len() / 10 + 1;
    rows.extend(std::iter::repeat_n(LITERAL.as_bytes().to_vec(), literals));
    rows
}
