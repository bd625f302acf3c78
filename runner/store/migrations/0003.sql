-- The addresses of webhooks that nobody subscribes for: a person gives them to the provider.
CREATE TABLE endpoints (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
  user TEXT,
  token_sealed BLOB NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_delivery_at INTEGER,
  FOREIGN KEY (project, environment, user) REFERENCES connected_users ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX endpoints_subject ON endpoints (object, coalesce(user, ''));
CREATE INDEX endpoints_place ON endpoints (project, environment);
CREATE INDEX endpoints_user ON endpoints (project, environment, user) WHERE user IS NOT NULL;

ALTER TABLE registrations ADD COLUMN last_delivery_at INTEGER;

-- Secrets as they were: a provider that was subscribed with one goes on signing with it until
-- it is subscribed anew.
CREATE TABLE former_secrets (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (project, environment, name, version)
) STRICT, WITHOUT ROWID;

-- A delivery outlives its runs for as long as it has to be known as a duplicate; its content
-- does not.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
  webhook TEXT NOT NULL,
  user TEXT,
  registration INTEGER,
  endpoint INTEGER,
  received_at INTEGER NOT NULL,
  dedupe TEXT,
  size INTEGER NOT NULL,
  method TEXT NOT NULL,
  query TEXT NOT NULL,
  headers TEXT NOT NULL,
  body BLOB,
  CHECK ((registration IS NULL) <> (endpoint IS NULL))
) STRICT;
CREATE UNIQUE INDEX deliveries_known ON deliveries (object, coalesce(user, ''), dedupe)
  WHERE dedupe IS NOT NULL;
CREATE INDEX deliveries_place ON deliveries (project, environment, id);
CREATE INDEX deliveries_object ON deliveries (object);
CREATE INDEX deliveries_bare ON deliveries (received_at) WHERE body IS NULL;

CREATE TRIGGER deliveries_lose_their_content_with_their_last_run
AFTER DELETE ON runs WHEN OLD.delivery IS NOT NULL
BEGIN
  UPDATE deliveries SET body = NULL, headers = '', query = ''
  WHERE id = OLD.delivery AND NOT EXISTS (SELECT 1 FROM runs WHERE delivery = OLD.delivery);
END;
