-- The tables of Lucee's session and client storage on MySQL and MariaDB, as Lucee uses them and better than it makes them:
-- with a primary key (Lucee makes none, and then one session can have two rows), data that isn't cut at 64 KiB, and ids and
-- names that differ by case and trailing blanks told apart.
--
-- The collation utf8mb4_nopad_bin is MariaDB's. On MySQL 8 write utf8mb4_0900_bin in its place.

CREATE TABLE IF NOT EXISTS cf_session_data (
  expires VARCHAR(64) NOT NULL,
  cfid VARCHAR(64) NOT NULL,
  name VARCHAR(255) NOT NULL,
  data LONGTEXT NOT NULL,
  PRIMARY KEY (cfid, name),
  KEY ix_cf_session_data_expires (expires)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS cf_client_data (
  expires VARCHAR(64) NOT NULL,
  cfid VARCHAR(64) NOT NULL,
  name VARCHAR(255) NOT NULL,
  data LONGTEXT NOT NULL,
  PRIMARY KEY (cfid, name),
  KEY ix_cf_client_data_expires (expires)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_nopad_bin;

-- Only holdall uses this one: which server sweeps, and until when, on the database's clock. Without it each sweeps for itself.
-- The collation is MariaDB's here too.
CREATE TABLE IF NOT EXISTS `holdall_meta` (
    `name`   VARCHAR(190)    NOT NULL,
    `holder` VARBINARY(64)   NOT NULL,
    `until`  BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (`name`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin COMMENT = 'holdall leases, version 1';
