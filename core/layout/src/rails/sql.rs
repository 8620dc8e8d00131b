//! The SQL text that makes the table as the gem's generator makes it, with its default name `sessions`.

/// For SQLite.
pub const CREATE_SQLITE: &str = include_str!("../../sql/rails-sqlite.sql");
/// For MySQL and MariaDB.
pub const CREATE_MYSQL: &str = include_str!("../../sql/rails-mysql.sql");
/// The table's name in both.
pub const TABLE: &str = "sessions";
