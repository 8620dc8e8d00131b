-- holdall's own table in MySQL and MariaDB, version 1. docs/storage.md explains the columns. Times are UTC milliseconds.
-- `key` and `writer` are bytes: no collation folds or pads them. Texts are compared by bytes without padding too, so
-- the two servers need collations of their own: {{NOPAD}} is utf8mb4_nopad_bin on MariaDB, utf8mb4_0900_bin on MySQL.

CREATE TABLE IF NOT EXISTS `holdall_sessions` (
    `key`         VARBINARY(32)    NOT NULL,
    `application` VARCHAR(255)     NOT NULL,
    `state`       TINYINT UNSIGNED NOT NULL, -- 0 live, 1 dead, 2 alias
    `reason`      TINYINT UNSIGNED NULL,
    `successor`   VARBINARY(32)    NULL,
    `format`      INT UNSIGNED     NOT NULL,
    `revision`    BIGINT UNSIGNED  NOT NULL,
    `writer`      BINARY(16)       NOT NULL,
    `created`     BIGINT UNSIGNED  NOT NULL,
    `accessed`    BIGINT UNSIGNED  NOT NULL,
    `idle`        BIGINT UNSIGNED  NOT NULL,
    `deadline`    BIGINT UNSIGNED  NOT NULL,
    `expires`     BIGINT UNSIGNED  NOT NULL,
    `principal`   VARCHAR(255)     NULL,
    `meta`        VARCHAR(1024)    NULL,
    `data`        LONGBLOB         NOT NULL,
    PRIMARY KEY (`key`),
    KEY `expires` (`application`, `state`, `expires`),
    KEY `principal` (`application`, `principal`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {{NOPAD}} COMMENT = 'holdall sessions, version 1';

-- What the servers agree on: who sweeps, and until when, on the database's clock.
CREATE TABLE IF NOT EXISTS `holdall_meta` (
    `name`   VARCHAR(190)    NOT NULL,
    `holder` VARBINARY(64)   NOT NULL,
    `until`  BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (`name`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {{NOPAD}} COMMENT = 'holdall leases, version 1';
