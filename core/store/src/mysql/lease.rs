//! Which of several servers sweeps: a lease in `holdall_meta`.

use super::driver::Error;
use super::driver::prelude::Queryable;
use super::pool::{Pool, Trouble};
use holdall_engine::Fault;
use holdall_layout::lease_mysql as sql;

/// There is a row with this key.
const DUPLICATE: u16 = 1062;
/// No such table; no right to use it. Then everybody may sweep.
const WITHOUT: [u16; 3] = [1146, 1142, 1143];

/// Takes the lease `name`, or prolongs it, for so many milliseconds; answers whether it was to be had.
pub(crate) fn lead(pool: &Pool, name: &str, holder: u64, for_ms: u64) -> Result<bool, Fault> {
    let led = pool.run("asking who sweeps", |connection| {
        let holder = holder.to_be_bytes().to_vec();
        let conn = connection.conn()?;
        let taken = conn.exec_drop(sql::TAKE, (holder.clone(), for_ms, name, holder.clone())).map(|()| conn.affected_rows() > 0);
        let made = match taken {
            Ok(false) => conn.exec_drop(sql::MAKE, (name, holder, for_ms)).map(|()| true),
            taken => taken,
        };
        match made {
            Err(Error::MySqlError(error)) if error.code == DUPLICATE => Ok(false),
            Err(Error::MySqlError(error)) if WITHOUT.contains(&error.code) => Ok(true),
            made => made.map_err(Trouble::Database),
        }
    });
    Ok(led?)
}
