-- Which repository a marketplace is mirrored from, by GitHub's number: names are given up and taken by others. configured: under
-- which name it was configured when that was learned; configured otherwise, it is learned anew.
CREATE TABLE repositories(
  marketplace   TEXT PRIMARY KEY,
  configured    TEXT NOT NULL,
  repository_id INTEGER NOT NULL,
  since_us      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When GitHub was asked what became of its deliveries: first, last, and up to when it has told.
CREATE TABLE looks(
  marketplace  TEXT PRIMARY KEY,
  began_us     INTEGER NOT NULL,
  looked_at_us INTEGER NOT NULL,
  read_to_us   INTEGER,
  hook_id      INTEGER
) STRICT, WITHOUT ROWID;

-- What was found to be the matter at the last look, by its name, and since when it has been.
CREATE TABLE conditions(
  marketplace TEXT NOT NULL,
  code        TEXT NOT NULL,
  detail      TEXT NOT NULL,
  since_us    INTEGER NOT NULL,
  PRIMARY KEY(marketplace, code)
) STRICT, WITHOUT ROWID;

-- Deliveries that GitHub could not hand over, or says that it did and the ledger does not have. Whether one has arrived after all,
-- the ledger says. redelivered_at_us: it was asked for again, which happens once.
CREATE TABLE gaps(
  marketplace       TEXT NOT NULL,
  guid              TEXT NOT NULL,
  attempt_id        INTEGER NOT NULL,
  event             TEXT NOT NULL,
  action            TEXT,
  at_us             INTEGER NOT NULL,
  status            TEXT NOT NULL,
  status_code       INTEGER NOT NULL,
  unseen            INTEGER NOT NULL CHECK(unseen IN (0, 1)),
  redelivered_at_us INTEGER,
  PRIMARY KEY(marketplace, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX gaps_at ON gaps(at_us);

-- Pushes of the push log that no delivery told of, and those that rewrote history.
CREATE TABLE noticed_pushes(
  marketplace TEXT NOT NULL,
  activity_id INTEGER NOT NULL,
  at_us       INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  after_id    TEXT NOT NULL,
  actor       TEXT,
  missed      INTEGER NOT NULL CHECK(missed IN (0, 1)),
  PRIMARY KEY(marketplace, activity_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX noticed_pushes_at ON noticed_pushes(at_us);

-- The ledger is asked whether a push has been told of.
CREATE INDEX deliveries_after ON deliveries(after_id) WHERE after_id IS NOT NULL;
