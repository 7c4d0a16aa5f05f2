-- Sign-in. Whatever opens anything is here as its SHA-256 only, but for two values of a sign-in under way, which live for minutes.

-- Random bytes that this service made once, for itself.
CREATE TABLE secrets(
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL CHECK(length(value) >= 32)
) STRICT, WITHOUT ROWID;

-- Everybody who ever signed in, as their provider described them the last time.
CREATE TABLE people(
  id               TEXT PRIMARY KEY,
  provider         TEXT NOT NULL,
  name             TEXT NOT NULL,
  email            TEXT,
  groups_json      TEXT NOT NULL,
  claims_json      TEXT NOT NULL,
  created_at_us    INTEGER NOT NULL,
  last_login_at_us INTEGER NOT NULL,
  disabled_at_us   INTEGER
) STRICT, WITHOUT ROWID;

-- meta_key: SHA-256 of what a client registered itself with, so that the same again is the same client.
CREATE TABLE clients(
  client_id          TEXT PRIMARY KEY,
  kind               TEXT NOT NULL CHECK(kind IN ('dcr', 'cimd', 'static')),
  meta_key           BLOB CHECK(length(meta_key) = 32),
  name               TEXT NOT NULL,
  redirect_uris_json TEXT NOT NULL,
  created_at_us      INTEGER NOT NULL,
  last_used_at_us    INTEGER NOT NULL,
  approved           INTEGER NOT NULL CHECK(approved IN (0, 1)),
  CHECK((kind = 'dcr') = (meta_key IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX clients_registered ON clients(meta_key) WHERE kind = 'dcr';
CREATE INDEX clients_unapproved ON clients(last_used_at_us) WHERE approved = 0;

-- Sign-ins under way. nonce and upstream_verifier are for the provider and are gone as soon as it has answered.
CREATE TABLE oauth_transactions(
  id_hash           BLOB PRIMARY KEY CHECK(length(id_hash) = 32),
  stage             TEXT NOT NULL CHECK(stage IN ('consent', 'upstream', 'done', 'denied')),
  client_id         TEXT NOT NULL REFERENCES clients(client_id) ON DELETE CASCADE,
  redirect_uri      TEXT NOT NULL,
  client_state      TEXT,
  scope             TEXT NOT NULL,
  resource          TEXT NOT NULL,
  code_challenge    TEXT NOT NULL,
  csrf_hash         BLOB NOT NULL CHECK(length(csrf_hash) = 32),
  bind_hash         BLOB NOT NULL CHECK(length(bind_hash) = 32),
  created_at_us     INTEGER NOT NULL,
  expires_at_us     INTEGER NOT NULL,
  provider          TEXT,
  nonce             TEXT,
  upstream_verifier TEXT,
  state_hash        BLOB UNIQUE CHECK(length(state_hash) = 32),
  CHECK(stage NOT IN ('done', 'denied') OR (nonce IS NULL AND upstream_verifier IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_transactions_client ON oauth_transactions(client_id);

-- What one person let one client do, once. An ended one stays for a while, so that it can be said why.
CREATE TABLE grants(
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  person          TEXT NOT NULL REFERENCES people(id),
  client_id       TEXT NOT NULL REFERENCES clients(client_id) ON DELETE CASCADE,
  redirect_uri    TEXT NOT NULL,
  scope           TEXT NOT NULL,
  resource        TEXT NOT NULL,
  created_at_us   INTEGER NOT NULL,
  last_used_at_us INTEGER NOT NULL,
  expires_at_us   INTEGER NOT NULL,
  revoked_at_us   INTEGER,
  reason          TEXT,
  CHECK((revoked_at_us IS NULL) = (reason IS NULL))
) STRICT;
CREATE INDEX grants_person ON grants(person);
CREATE INDEX grants_client ON grants(client_id);

-- A code is kept as long as its grant: whoever brings it a second time ends the grant.
CREATE TABLE codes(
  code_hash      BLOB PRIMARY KEY CHECK(length(code_hash) = 32),
  grant_id       INTEGER NOT NULL UNIQUE REFERENCES grants(id) ON DELETE CASCADE,
  code_challenge TEXT NOT NULL,
  expires_at_us  INTEGER NOT NULL,
  used_at_us     INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE access_tokens(
  token_hash    BLOB PRIMARY KEY CHECK(length(token_hash) = 32),
  grant_id      INTEGER NOT NULL REFERENCES grants(id) ON DELETE CASCADE,
  expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_grant ON access_tokens(grant_id);
CREATE INDEX access_tokens_expiry ON access_tokens(expires_at_us);

-- The refresh tokens of a grant are a line, and only the last was not rotated yet. A rotated one is kept until it would have
-- expired: coming again, it tells of a thief.
CREATE TABLE refresh_tokens(
  grant_id      INTEGER NOT NULL REFERENCES grants(id) ON DELETE CASCADE,
  place         INTEGER NOT NULL,
  token_hash    BLOB NOT NULL UNIQUE CHECK(length(token_hash) = 32),
  expires_at_us INTEGER NOT NULL,
  rotated_at_us INTEGER,
  PRIMARY KEY(grant_id, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_live ON refresh_tokens(grant_id) WHERE rotated_at_us IS NULL;
CREATE INDEX refresh_tokens_expiry ON refresh_tokens(expires_at_us);
