-- The tables of Lucee's session and client storage on SQLite. `expires` is text: Lucee binds and compares it as text.

CREATE TABLE IF NOT EXISTS cf_session_data (
  expires VARCHAR(64) NOT NULL,
  cfid VARCHAR(64) NOT NULL,
  name VARCHAR(255) NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (cfid, name)
);

CREATE INDEX IF NOT EXISTS ix_cf_session_data_expires ON cf_session_data (expires);

CREATE TABLE IF NOT EXISTS cf_client_data (
  expires VARCHAR(64) NOT NULL,
  cfid VARCHAR(64) NOT NULL,
  name VARCHAR(255) NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (cfid, name)
);

CREATE INDEX IF NOT EXISTS ix_cf_client_data_expires ON cf_client_data (expires);
