-- Content is kept once (blobs), history cheaply (interval rows): content number n of a marketplace is every row with
-- from_seq <= n < to_seq. 9223372036854775807 is "still so".

CREATE TABLE marketplaces(
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  repository     TEXT NOT NULL,
  repository_id  INTEGER,
  newest_content INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sources(
  id          INTEGER PRIMARY KEY,
  marketplace INTEGER NOT NULL REFERENCES marketplaces,
  key         TEXT NOT NULL,
  repository  TEXT NOT NULL,
  UNIQUE(marketplace, key)
) STRICT;

CREATE TABLE blobs(
  id      INTEGER PRIMARY KEY,
  sha1    BLOB NOT NULL UNIQUE CHECK(length(sha1) = 20),
  sha256  BLOB NOT NULL CHECK(length(sha256) = 32),
  size    INTEGER NOT NULL,
  content BLOB NOT NULL CHECK(length(content) = size)
) STRICT;

-- Blobs that may belong to no file: put for a publication under way, or left behind by a file that was collected. The
-- collector looks at nothing else, so that its cost follows what changed and not what is held. (By row id and not by sha1:
-- new ones go to the end, where random ones would touch a page each.)
CREATE TABLE blobs_to_check(
  blob     INTEGER PRIMARY KEY REFERENCES blobs ON DELETE CASCADE,
  since_us INTEGER NOT NULL
) STRICT;
CREATE INDEX blobs_to_check_since ON blobs_to_check(since_us);

-- oid is not a foreign key: a submodule and a file too large to mirror have no blob.
CREATE TABLE files(
  source   INTEGER NOT NULL REFERENCES sources,
  path     BLOB NOT NULL,
  mode     INTEGER NOT NULL,
  oid      BLOB NOT NULL CHECK(length(oid) = 20),
  size     INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq   INTEGER NOT NULL DEFAULT 9223372036854775807 CHECK(to_seq > from_seq),
  PRIMARY KEY(source, path, from_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX files_from ON files(source, from_seq);
CREATE INDEX files_to ON files(source, to_seq, from_seq) WHERE to_seq < 9223372036854775807;
CREATE INDEX files_oid ON files(oid);

-- commit_id and published_at_us are those of the publication that brought this row: true after that one was collected.
CREATE TABLE skills(
  marketplace     INTEGER NOT NULL REFERENCES marketplaces,
  plugin          TEXT NOT NULL,
  directory       TEXT NOT NULL,
  name            TEXT NOT NULL,
  version         TEXT,
  revision        BLOB NOT NULL CHECK(length(revision) = 20),
  commit_id       BLOB NOT NULL CHECK(length(commit_id) = 20),
  published_at_us INTEGER NOT NULL,
  from_seq        INTEGER NOT NULL,
  to_seq          INTEGER NOT NULL DEFAULT 9223372036854775807 CHECK(to_seq > from_seq),
  PRIMARY KEY(marketplace, plugin, directory, from_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX skills_to ON skills(marketplace, to_seq, from_seq) WHERE to_seq < 9223372036854775807;

-- AUTOINCREMENT: an id is never given twice, or a fence could pass by accident.
CREATE TABLE publications(
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  marketplace     INTEGER NOT NULL REFERENCES marketplaces,
  repository      TEXT NOT NULL,
  commit_id       BLOB NOT NULL CHECK(length(commit_id) = 20),
  tree_id         BLOB NOT NULL CHECK(length(tree_id) = 20),
  content_seq     INTEGER NOT NULL,
  parser_version  INTEGER NOT NULL,
  published_at_us INTEGER NOT NULL,
  cause           TEXT NOT NULL,
  files           INTEGER NOT NULL,
  skills          INTEGER NOT NULL,
  added           INTEGER NOT NULL,
  changed         INTEGER NOT NULL,
  removed         INTEGER NOT NULL
) STRICT;
CREATE INDEX publications_content ON publications(marketplace, content_seq);

-- The lock file of a publication: every source and the commit it was resolved to.
CREATE TABLE publication_sources(
  publication INTEGER NOT NULL REFERENCES publications ON DELETE CASCADE,
  source      INTEGER NOT NULL REFERENCES sources,
  repository  TEXT NOT NULL,
  commit_id   BLOB NOT NULL CHECK(length(commit_id) = 20),
  tree_id     BLOB NOT NULL CHECK(length(tree_id) = 20),
  PRIMARY KEY(publication, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE head(
  marketplace     INTEGER PRIMARY KEY REFERENCES marketplaces,
  publication     INTEGER NOT NULL REFERENCES publications,
  fence           INTEGER NOT NULL,
  confirmed_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX head_publication ON head(publication);
