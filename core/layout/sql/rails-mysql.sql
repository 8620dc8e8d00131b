-- The table of the gem activerecord-session_store in MySQL and MariaDB, as its generator's migration makes it, but for
-- two things that Rails doesn't mind: data is longtext, because text ends at 65,535 bytes, and session_id is compared
-- byte by byte.
CREATE TABLE `sessions` (
    `id`         bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `session_id` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    `data`       longtext,
    `created_at` datetime(6) NOT NULL,
    `updated_at` datetime(6) NOT NULL,
    UNIQUE KEY `index_sessions_on_session_id` (`session_id`),
    KEY `index_sessions_on_updated_at` (`updated_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Only holdall uses this one: which server sweeps, and until when, on the database's clock. Without it each sweeps for itself.
-- The collation is MariaDB's here too.
CREATE TABLE IF NOT EXISTS `holdall_meta` (
    `name`   VARCHAR(190)    NOT NULL,
    `holder` VARBINARY(64)   NOT NULL,
    `until`  BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (`name`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin COMMENT = 'holdall leases, version 1';
