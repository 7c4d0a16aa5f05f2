-- Where an operator rolled a marketplace back and wants it to stay: it does not follow its branch until it is told to resume.
CREATE TABLE pins(
  marketplace TEXT PRIMARY KEY,
  commit_id   BLOB NOT NULL CHECK(length(commit_id) = 20),
  reason      TEXT NOT NULL,
  at_us       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
