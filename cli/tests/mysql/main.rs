//! The command on a real MariaDB server.
