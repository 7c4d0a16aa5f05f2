-- Pull requests that this service opened for people, each with a branch of its own. number and url are missing until it is open:
-- a process that dies before finds the branch again.
CREATE TABLE proposals(
  marketplace   TEXT NOT NULL,
  branch        TEXT NOT NULL,
  number        INTEGER,
  url           TEXT,
  person        TEXT NOT NULL,
  plugin        TEXT NOT NULL,
  skill         TEXT NOT NULL,
  title         TEXT NOT NULL,
  state         TEXT NOT NULL CHECK(state IN ('opening', 'open', 'merged', 'closed')),
  commit_id     BLOB CHECK(length(commit_id) = 20),
  created_at_us INTEGER NOT NULL,
  updated_at_us INTEGER NOT NULL,
  PRIMARY KEY(marketplace, branch),
  CHECK(state IN ('opening', 'closed') OR (number IS NOT NULL AND url IS NOT NULL AND commit_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
-- One person has one way under way for one skill.
CREATE UNIQUE INDEX proposals_under_way ON proposals(marketplace, person, plugin, skill) WHERE state IN ('opening', 'open');
