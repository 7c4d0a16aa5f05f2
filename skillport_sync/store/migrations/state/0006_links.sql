-- Tokens that people make for themselves, beside those of the operator: purpose says what for, client_id through which client.
-- NULL in both: an operator's.
ALTER TABLE tokens ADD COLUMN purpose TEXT;
ALTER TABLE tokens ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0 CHECK(read_only IN (0, 1));
ALTER TABLE tokens ADD COLUMN client_id TEXT;
CREATE INDEX tokens_minted ON tokens(principal, purpose) WHERE purpose IS NOT NULL;

-- One-time links: what each hands out, and to whom. attempt_hash is who redeemed it, as far as they said; reopened: their download
-- broke off, so that anybody may try again for the rest of the minute.
CREATE TABLE links(
  token_hash    BLOB PRIMARY KEY CHECK(length(token_hash) = 32),
  kind          TEXT NOT NULL CHECK(kind IN ('install', 'edit')),
  principal     TEXT NOT NULL,
  name          TEXT NOT NULL,
  email         TEXT,
  groups_json   TEXT NOT NULL,
  claims_json   TEXT NOT NULL,
  client_id     TEXT,
  marketplace   TEXT NOT NULL,
  plugin        TEXT NOT NULL,
  directory     TEXT NOT NULL,
  skill         TEXT NOT NULL,
  commit_id     BLOB NOT NULL CHECK(length(commit_id) = 20),
  target        TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  expires_at_us INTEGER NOT NULL,
  used_at_us    INTEGER,
  attempt_hash  BLOB CHECK(length(attempt_hash) = 32),
  reopened      INTEGER NOT NULL DEFAULT 0 CHECK(reopened IN (0, 1)),
  CHECK(used_at_us IS NOT NULL OR (attempt_hash IS NULL AND reopened = 0))
) STRICT, WITHOUT ROWID;
CREATE INDEX links_principal ON links(principal, created_at_us);
CREATE INDEX links_expiry ON links(expires_at_us);
