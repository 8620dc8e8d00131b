//! Stores the ids of a rails table hashed, as `rake db:sessions:upgrade` does: whoever reads the table then can't use them.

use super::fix::BATCH;
use super::patient::Patient;
use super::rows::PLAIN_IDS;
use crate::clock::{Start, pause};
use crate::db::Value;
use crate::output::Output;
use crate::problem::Result;
use crate::progress::Progress;
use holdall_layout::rails::private_id;

/// Another row has the hashed id already: it is the newer one, since Rails looks for that first.
const TAKEN: [u32; 3] = [1062, 2067, 1555];

/// Hashes ids until none are in clear. Times stay as they are.
pub fn run(patient: &mut Patient, output: Output, rows: u64) -> Result<u64> {
    let table = patient.table();
    let select = format!("SELECT id, session_id FROM {table} WHERE {PLAIN_IDS} AND id > ? ORDER BY id LIMIT {BATCH}");
    let update = format!("UPDATE {table} SET session_id = ? WHERE id = ? AND session_id = ?");
    let delete = format!("DELETE FROM {table} WHERE id = ? AND session_id = ?");
    let mut progress = Progress::new(output, "rows", rows);
    let mut after = Value::Int(i64::MIN);
    loop {
        let found = patient.database.query(&select, std::slice::from_ref(&after))?;
        let start = Start::now();
        let done = patient.database.transaction(|database| {
            let mut done = 0;
            for row in &found {
                let (id, plain) = (row.value(0).clone(), row.value(1).clone());
                let hashed = private_id(&row.bytes(1).unwrap_or_default());
                done += match database.execute(&update, &[hashed.into(), id.clone(), plain.clone()]) {
                    Err(error) if TAKEN.contains(&error.number) => database.execute(&delete, &[id, plain])?,
                    other => other?,
                };
            }
            Ok(done)
        })?;
        progress.add(done);
        let Some(last) = found.last().filter(|_| found.len() == BATCH as usize) else {
            progress.finish();
            return Ok(progress.done());
        };
        after = last.value(0).clone();
        pause(start.elapsed());
    }
}
