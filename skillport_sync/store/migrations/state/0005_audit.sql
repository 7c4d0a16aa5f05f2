-- Who did what. Rows are added and never changed, and only what is older than the audit is kept for can be taken away.
CREATE TABLE audit(
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us       INTEGER NOT NULL,
  action      TEXT NOT NULL,
  outcome     TEXT NOT NULL,
  principal   TEXT,
  client_id   TEXT,
  surface     TEXT,
  marketplace TEXT,
  publication INTEGER,
  skill       TEXT,
  commit_id   TEXT,
  detail      TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit(at_us);
CREATE INDEX audit_principal ON audit(principal, at_us) WHERE principal IS NOT NULL;

-- Up to when rows may be taken away. Raised by the one transaction that does so, and put back in it.
CREATE TABLE audit_horizon(
  id        INTEGER PRIMARY KEY CHECK(id = 1),
  before_us INTEGER NOT NULL
) STRICT;
INSERT INTO audit_horizon(id, before_us) VALUES(1, 0);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_not_taken_away BEFORE DELETE ON audit
WHEN OLD.at_us >= (SELECT before_us FROM audit_horizon)
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- INSERT OR REPLACE would take a row away without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS(SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
