//! A database of its own for a test, and those who may use it.

use crate::{MariaDb, Problem};
use mysql::prelude::Queryable as _;
use mysql::{Conn, OptsBuilder};
use std::sync::atomic::{AtomicU32, Ordering};

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password. It means nothing outside of the test's own server.
    pub password: String,
}

/// A fresh, empty database with users of its own. It stays until the server ends.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The port of its server, on 127.0.0.1.
    pub port: u16,
    /// May do everything in this database, and nothing elsewhere.
    pub owner: Login,
    /// May SELECT, INSERT, UPDATE and DELETE in this database, and nothing else: as a web application should.
    pub application: Login,
}

impl Database {
    /// Makes one on a server.
    pub(crate) fn make(server: &MariaDb) -> Result<Self, Problem> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let login = |kind: &str| Login { user: format!("{kind}_{name}"), password: format!("pass-{kind}-{number}") };
        let database = Self { port: server.port(), owner: login("own"), application: login("app"), name };
        let mut admin = server.admin()?;
        admin.query_drop(format!("CREATE DATABASE {} CHARACTER SET utf8mb4", database.name))?;
        for (login, rights) in [(&database.owner, "ALL"), (&database.application, "SELECT, INSERT, UPDATE, DELETE")] {
            admin.query_drop(format!("CREATE USER {} IDENTIFIED BY '{}'", login.user, login.password))?;
            admin.query_drop(format!("GRANT {rights} ON {}.* TO {}", database.name, login.user))?;
        }
        Ok(database)
    }

    /// The URL by which the owner gets there: `mysql://user:password@127.0.0.1:port/name`.
    pub fn url(&self) -> String {
        self.url_for(&self.owner, self.port)
    }

    /// The URL for somebody, by a port that may be a proxy's.
    pub fn url_for(&self, login: &Login, port: u16) -> String {
        format!("mysql://{}:{}@127.0.0.1:{port}/{}", login.user, login.password, self.name)
    }

    /// A connection of the owner's.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub fn connect(&self) -> Result<Conn, Problem> {
        self.connect_as(&self.owner, self.port)
    }

    /// A connection for somebody, by a port that may be a proxy's.
    ///
    /// # Errors
    /// When the server doesn't answer, or refuses.
    pub fn connect_as(&self, login: &Login, port: u16) -> Result<Conn, Problem> {
        let address = OptsBuilder::new().ip_or_hostname(Some("127.0.0.1")).tcp_port(port).prefer_socket(false);
        let who = address.user(Some(&login.user)).pass(Some(&login.password)).db_name(Some(&self.name));
        Ok(Conn::new(who)?)
    }
}
