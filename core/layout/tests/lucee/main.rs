//! The layout of Lucee's tables: rows that real servers wrote, rows that are written, and bytes that nobody should write.

mod damage;
mod fixture;
mod kept;
mod literal_rows;
mod literals;
mod made;
mod mutations;
mod patches;
mod random;
mod rows;
mod rules;
mod values;
