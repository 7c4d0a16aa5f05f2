-- What GitHub sent us and was told that we have. Parsed facts only: a body is a hint and is never kept.
-- owed: a pull has still to include it. done: a pull did. failed: the pull failed; a redelivery, or the next pull that
-- succeeds, mends it. noted: known, and needs no pull. ignored: nothing to do with us.
CREATE TABLE deliveries(
  id             INTEGER PRIMARY KEY,
  guid           TEXT NOT NULL UNIQUE,
  hook_id        INTEGER,
  event          TEXT NOT NULL,
  action         TEXT,
  repository_id  INTEGER,
  repository     TEXT,
  ref            TEXT,
  before_id      TEXT,
  after_id       TEXT,
  forced         INTEGER NOT NULL CHECK(forced IN (0, 1)),
  marketplace    TEXT,
  generation     INTEGER,
  state          TEXT NOT NULL CHECK(state IN ('owed', 'done', 'failed', 'noted', 'ignored')),
  received_at_us INTEGER NOT NULL,
  redelivered    INTEGER NOT NULL DEFAULT 0,
  finished_at_us INTEGER,
  commit_id      BLOB,
  error          TEXT,
  CHECK((state IN ('owed', 'failed')) <= (marketplace IS NOT NULL AND generation IS NOT NULL))
) STRICT;
CREATE INDEX deliveries_open ON deliveries(marketplace, generation) WHERE state IN ('owed', 'failed');
CREATE INDEX deliveries_received ON deliveries(received_at_us);

-- A pull is owed while want > done. Numbers, not flags: a push that arrives during a pull raises want again.
CREATE TABLE pulls(
  marketplace   TEXT PRIMARY KEY,
  want          INTEGER NOT NULL,
  done          INTEGER NOT NULL CHECK(done <= want),
  cause         TEXT NOT NULL,
  attempts      INTEGER NOT NULL,
  not_before_us INTEGER,
  last_error    TEXT
) STRICT, WITHOUT ROWID;

-- What deliveries said of a repository besides pushes: renamed, archived, hook deleted.
CREATE TABLE repository_facts(
  marketplace TEXT NOT NULL,
  key         TEXT NOT NULL,
  value       TEXT NOT NULL,
  at_us       INTEGER NOT NULL,
  PRIMARY KEY(marketplace, key)
) STRICT, WITHOUT ROWID;

-- Static API tokens: only their SHA-256 is here.
CREATE TABLE tokens(
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  token_sha256    BLOB NOT NULL UNIQUE CHECK(length(token_sha256) = 32),
  principal       TEXT NOT NULL,
  name            TEXT NOT NULL,
  email           TEXT,
  groups_json     TEXT NOT NULL,
  label           TEXT NOT NULL,
  created_at_us   INTEGER NOT NULL,
  expires_at_us   INTEGER,
  revoked_at_us   INTEGER,
  last_used_at_us INTEGER
) STRICT;
