-- A delivery may concern several marketplaces: those that are mirrored from its repository, and those that take plugins from
-- it. What it said stays in deliveries, once. What it means to each of them, and what became of that, is in concerns: every
-- pull is owed, done and failed by itself.
ALTER TABLE deliveries RENAME TO deliveries_of_one;

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
  ignored        INTEGER NOT NULL CHECK(ignored IN (0, 1)),
  received_at_us INTEGER NOT NULL,
  redelivered    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- owed: a pull has still to include it. done: a pull did. failed: the pull failed; a redelivery, or the next pull that
-- succeeds, mends it. noted: known, and needs no pull. hinted: before_id and after_id are said of the branch it follows.
CREATE TABLE concerns(
  delivery       INTEGER NOT NULL REFERENCES deliveries(id) ON DELETE CASCADE,
  marketplace    TEXT NOT NULL,
  state          TEXT NOT NULL CHECK(state IN ('owed', 'done', 'failed', 'noted')),
  generation     INTEGER,
  hinted         INTEGER NOT NULL CHECK(hinted IN (0, 1)),
  since_us       INTEGER NOT NULL,
  finished_at_us INTEGER,
  commit_id      BLOB,
  error          TEXT,
  PRIMARY KEY(delivery, marketplace),
  CHECK((state = 'noted') = (generation IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO deliveries(id, guid, hook_id, event, action, repository_id, repository, ref, before_id, after_id, forced, ignored,
  received_at_us, redelivered)
SELECT id, guid, hook_id, event, action, repository_id, repository, ref, before_id, after_id, forced, state = 'ignored',
  received_at_us, redelivered
FROM deliveries_of_one;

INSERT INTO concerns(delivery, marketplace, state, generation, hinted, since_us, finished_at_us, commit_id, error)
SELECT id, marketplace, iif(generation IS NULL, 'noted', state), generation,
  generation IS NOT NULL AND event = 'push' AND before_id IS NOT NULL AND after_id IS NOT NULL,
  received_at_us, finished_at_us, commit_id, error
FROM deliveries_of_one WHERE marketplace IS NOT NULL;

DROP TABLE deliveries_of_one;
CREATE INDEX deliveries_received ON deliveries(received_at_us);
CREATE INDEX concerns_open ON concerns(marketplace, generation) WHERE state IN ('owed', 'failed');
