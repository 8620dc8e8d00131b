//! What only the SQLite store promises: files, shapes, damage, full disks, other processes.

mod file;
mod made;
mod plans;
mod processes;
mod rows;
mod shape;
