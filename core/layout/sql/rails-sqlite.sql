-- The table of the gem activerecord-session_store in SQLite, as its generator's migration makes it.
-- session_id holds 2:: and the SHA-256 of the id in the cookie. Times are UTC text with six decimals.
CREATE TABLE "sessions" (
    "id"         integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    "session_id" varchar NOT NULL,
    "data"       text,
    "created_at" datetime(6) NOT NULL,
    "updated_at" datetime(6) NOT NULL
);

CREATE UNIQUE INDEX "index_sessions_on_session_id" ON "sessions" ("session_id");
CREATE INDEX "index_sessions_on_updated_at" ON "sessions" ("updated_at");
