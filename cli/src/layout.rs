//! What the command knows about the tables of each layout.

use crate::db::Flavour;
use crate::problem::{Problem, Result};
use clap::ValueEnum;
use holdall_layout::native_mysql::Dialect;
use holdall_layout::{lucee, native_mysql, native_sqlite, rails};
use std::borrow::Cow;

/// Whose table it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Layout {
    /// holdall's own table, `holdall_sessions`.
    Native,
    /// Lucee's `cf_session_data` (or `cf_client_data`, with --table).
    Lucee,
    /// The `sessions` table of Rails' activerecord-session_store.
    Rails,
    /// Django's `django_session`; to import from.
    Django,
}

impl Layout {
    /// Its name, as the command line says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Lucee => "lucee",
            Self::Rails => "rails",
            Self::Django => "django",
        }
    }

    /// Reads a name, as a URL says it.
    pub fn of_name(name: &str) -> Result<Self> {
        Self::from_str(name, false).map_err(|_| Problem::usage("the layout is unknown: say native, lucee, rails or django"))
    }

    /// The table that the stock software uses.
    pub fn default_table(self) -> &'static str {
        match self {
            Self::Native => "holdall_sessions",
            Self::Lucee => "cf_session_data",
            Self::Rails => "sessions",
            Self::Django => "django_session",
        }
    }

    /// The columns that name a row, as the stock software looks for it.
    pub fn key(self) -> &'static [&'static str] {
        match self {
            Self::Native => &["key"],
            Self::Lucee => &["cfid", "name"],
            Self::Rails => &["session_id"],
            Self::Django => &["session_key"],
        }
    }

    /// The column with the session's content.
    pub fn data(self) -> &'static str {
        match self {
            Self::Native | Self::Lucee | Self::Rails => "data",
            Self::Django => "session_data",
        }
    }

    /// The column by which rows are pruned.
    pub fn expiry(self) -> &'static str {
        match self {
            Self::Native | Self::Lucee => "expires",
            Self::Rails => "updated_at",
            Self::Django => "expire_date",
        }
    }

    /// All columns that the stock software names.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Native => &[
                "key",
                "application",
                "state",
                "reason",
                "successor",
                "format",
                "revision",
                "writer",
                "created",
                "accessed",
                "idle",
                "deadline",
                "expires",
                "principal",
                "meta",
                "data",
            ],
            Self::Lucee => &["expires", "cfid", "name", "data"],
            Self::Rails => &["id", "session_id", "data", "created_at", "updated_at"],
            Self::Django => &["session_key", "session_data", "expire_date"],
        }
    }

    /// The SQL that makes the table, as the file says it; for both servers with the collation of the one.
    pub fn sql(self, flavour: Flavour) -> Result<Cow<'static, str>> {
        let sql = match (self, flavour) {
            (Self::Native, Flavour::Sqlite) => native_sqlite::CREATE,
            (Self::Native, _) => native_mysql::CREATE,
            (Self::Lucee, Flavour::Sqlite) => lucee::SQLITE_SCHEMA,
            (Self::Lucee, _) => lucee::MYSQL_SCHEMA,
            (Self::Rails, Flavour::Sqlite) => rails::sql::CREATE_SQLITE,
            (Self::Rails, _) => rails::sql::CREATE_MYSQL,
            (Self::Django, _) => return Err(Problem::usage("Django makes its table by itself: manage.py migrate")),
        };
        Ok(match flavour {
            Flavour::Sqlite => Cow::Borrowed(sql),
            Flavour::MariaDb => Cow::Owned(sql.replace("{{NOPAD}}", Dialect::MariaDb.collation())),
            Flavour::MySql => {
                let exact = Dialect::MySql.collation();
                Cow::Owned(sql.replace("{{NOPAD}}", exact).replace(Dialect::MariaDb.collation(), exact))
            }
        })
    }
}
