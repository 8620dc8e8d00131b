//! The SQL text of leases in `holdall_meta`, for MySQL and MariaDB. Their time is the database's clock.

use crate::native::NativeRules;
use holdall_engine::Rules;
use std::fmt::Write as _;

/// Milliseconds since 1970 by the server's clock.
macro_rules! now {
    () => {
        "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)"
    };
}

/// Holder, milliseconds, name, holder. Takes the lease if it is free or already the holder's: one row, else none. A
/// lease further away than it could have been made, by a clock that was set back since, is free too.
pub const TAKE: &str = concat!(
    "UPDATE `holdall_meta` SET `holder` = ?, `until` = ",
    now!(),
    " + ? WHERE `name` = ? AND (`holder` = ? OR `until` <= ",
    now!(),
    " OR `until` > ",
    now!(),
    " + 2592000000)"
);

/// Name, holder, milliseconds. Makes the lease; error 1062 if there is one.
pub const MAKE: &str = concat!("INSERT INTO `holdall_meta` (`name`, `holder`, `until`) VALUES (?, ?, ", now!(), " + ?)");

/// The name of the lease for sweeping an application's rows of a table. Application names are longer than a key may be,
/// so a hash stands for them.
pub fn sweep_lease(table: &str, application: &str) -> String {
    let key = NativeRules { application: application.to_owned() }.key(b"");
    key.as_bytes().iter().take(16).fold(format!("sweep {table} "), |mut name, byte| {
        write!(name, "{byte:02x}").unwrap_or_default();
        name
    })
}
