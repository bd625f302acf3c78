PRAGMA foreign_keys = OFF;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE artifact_lists (
  artifact TEXT PRIMARY KEY NOT NULL REFERENCES artifacts ON DELETE CASCADE,
  hash TEXT NOT NULL,
  list TEXT NOT NULL
) STRICT;
CREATE TABLE artifacts (
  digest TEXT PRIMARY KEY NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE TABLE connected_users (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  user TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project, environment, user)
) STRICT, WITHOUT ROWID;
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
INSERT INTO "deliveries" VALUES(1,1,1,2,'orders',NULL,1,NULL,1700000004000,'msg_1',2,'POST','','',NULL);
CREATE TABLE deploy_logs (
  deploy INTEGER NOT NULL REFERENCES deploys ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL,
  stage TEXT,
  object TEXT,
  message TEXT NOT NULL,
  fields TEXT NOT NULL,
  PRIMARY KEY (deploy, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE deploy_stages (
  deploy INTEGER NOT NULL REFERENCES deploys ON DELETE CASCADE,
  stage TEXT NOT NULL,
  status TEXT NOT NULL,
  duration_us INTEGER NOT NULL,
  PRIMARY KEY (deploy, stage)
) STRICT, WITHOUT ROWID;
CREATE TABLE deployments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  deploy INTEGER NOT NULL REFERENCES deploys ON DELETE CASCADE,
  artifact TEXT NOT NULL,
  version TEXT,
  deployed_at INTEGER NOT NULL,
  settled_at INTEGER,
  ended_at INTEGER
) STRICT;
INSERT INTO "deployments" VALUES(1,1,1,1,'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',NULL,1700000001000,1700000002000,NULL);
CREATE TABLE deploys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  number INTEGER NOT NULL,
  cause TEXT NOT NULL,
  status TEXT NOT NULL,
  artifact TEXT,
  list_hash TEXT,
  version TEXT,
  description TEXT,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  applied_at INTEGER,
  finished_at INTEGER,
  error_code TEXT,
  error_message TEXT,
  plan TEXT,
  unconfigured TEXT NOT NULL DEFAULT '[]',
  superseded_by INTEGER,
  forgotten_by TEXT,
  rollback_of INTEGER,
  atomic INTEGER NOT NULL DEFAULT 0 CHECK (atomic IN (0, 1)),
  atomic_previous INTEGER,
  UNIQUE (project, environment, number)
) STRICT;
INSERT INTO "deploys" VALUES(1,1,1,1,'deploy','succeeded','ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',NULL,NULL,NULL,'ada',1700000000000,1700000001000,1700000002000,NULL,NULL,NULL,'[]',NULL,NULL,NULL,0,NULL);
CREATE TABLE due_reconfigures (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  since INTEGER NOT NULL,
  causes TEXT NOT NULL,
  generation INTEGER NOT NULL,
  last_error TEXT,
  PRIMARY KEY (project, environment)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE environment_hosts (
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  host TEXT NOT NULL,
  port INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (environment, host, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE environments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  built_in INTEGER NOT NULL CHECK (built_in IN (0, 1)),
  created_at INTEGER NOT NULL,
  public_url TEXT
) STRICT;
INSERT INTO "environments" VALUES(1,'development',1,0,NULL);
INSERT INTO "environments" VALUES(2,'staging',1,0,NULL);
INSERT INTO "environments" VALUES(3,'production',1,0,NULL);
CREATE TABLE former_secrets (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (project, environment, name, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE held_values (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  plain TEXT,
  sealed BLOB,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (project, environment, kind, name),
  CHECK (plain IS NULL OR sealed IS NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO "held_values" VALUES(1,1,'variable','REGION',3,'eu',NULL,1700000000000);
CREATE TABLE kv (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (project, environment, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  holder TEXT NOT NULL,
  token TEXT NOT NULL,
  acquired_at INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (project, environment)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('key_id','84f58c3aa1927780');
CREATE TABLE object_values (
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (project, environment, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "object_values" VALUES(1,1,'variable','REGION');
CREATE TABLE objects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  spec TEXT NOT NULL,
  changed_by INTEGER NOT NULL,
  UNIQUE (project, environment, kind, name)
) STRICT;
INSERT INTO "objects" VALUES(1,1,1,'action','greet',1,'{"kind":"action","name":"greet"}',1);
INSERT INTO "objects" VALUES(2,1,1,'webhook','orders',0,'{"kind":"webhook","name":"orders"}',1);
CREATE TABLE projects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "projects" VALUES(1,'demo',1700000000000);
CREATE TABLE registration_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  registration INTEGER NOT NULL REFERENCES registrations ON DELETE CASCADE,
  at INTEGER NOT NULL,
  event TEXT NOT NULL,
  state TEXT NOT NULL,
  detail TEXT,
  actor TEXT
) STRICT;
CREATE TABLE registrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
  user TEXT,
  webhook TEXT NOT NULL,
  owner TEXT NOT NULL,
  deploy INTEGER NOT NULL,
  props TEXT NOT NULL,
  basis_values TEXT NOT NULL,
  public_url TEXT NOT NULL,
  variables TEXT NOT NULL,
  state TEXT NOT NULL,
  possible_double INTEGER NOT NULL DEFAULT 0 CHECK (possible_double IN (0, 1)),
  expires_at INTEGER,
  down_since INTEGER,
  created_at INTEGER NOT NULL,
  recorded_at INTEGER,
  token_sealed BLOB NOT NULL,
  token_hash BLOB UNIQUE,
  open_until INTEGER,
  key TEXT NOT NULL,
  unsubscribe_sealed BLOB,
  signing_sealed BLOB,
  found_beside INTEGER REFERENCES registrations ON DELETE CASCADE
, last_delivery_at INTEGER) STRICT;
CREATE TABLE relationships (
  from_object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
  relation TEXT NOT NULL,
  to_object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
  PRIMARY KEY (from_object, relation, to_object)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_attempts (
  run INTEGER NOT NULL REFERENCES "runs" ON DELETE CASCADE,
  number INTEGER NOT NULL,
  artifact TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  error_code TEXT,
  error_message TEXT,
  duration_us INTEGER NOT NULL DEFAULT 0,
  cpu_us INTEGER NOT NULL DEFAULT 0,
  peak_memory INTEGER NOT NULL DEFAULT 0,
  logs TEXT NOT NULL,
  requests TEXT NOT NULL,
  PRIMARY KEY (run, number)
) STRICT;
INSERT INTO "run_attempts" VALUES(1,1,'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',1700000003000,1700000003009,'succeeded',NULL,NULL,9000,0,0,'[]','[]');
CREATE TABLE "runs" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  artifact TEXT,
  trigger TEXT NOT NULL,
  user TEXT,
  status TEXT NOT NULL,
  patience TEXT NOT NULL,
  input TEXT NOT NULL,
  output TEXT,
  error_code TEXT,
  error_message TEXT,
  error_retryable INTEGER CHECK (error_retryable IN (0, 1)),
  queued_at INTEGER NOT NULL,
  started_at INTEGER,
  attempt_started_at INTEGER,
  next_attempt_at INTEGER,
  finished_at INTEGER,
  duration_us INTEGER,
  cpu_us INTEGER NOT NULL DEFAULT 0,
  peak_memory INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  replay_of INTEGER,
  parent INTEGER,
  delivery INTEGER,
  scheduled_object INTEGER,
  tick INTEGER,
  CHECK ((next_attempt_at IS NOT NULL) = (status = 'retrying')),
  CHECK ((tick IS NULL) = (scheduled_object IS NULL))
) STRICT;
INSERT INTO "runs" VALUES(1,1,1,'action','greet','ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad','cli',NULL,'succeeded','answered','{}','{}',NULL,NULL,NULL,1700000003000,1700000003000,1700000003000,NULL,1700000003009,9000,0,0,1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE schedules (
  object INTEGER PRIMARY KEY NOT NULL REFERENCES objects ON DELETE CASCADE,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  cron TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  catch_up TEXT NOT NULL,
  after INTEGER NOT NULL,
  next_tick INTEGER NOT NULL
) STRICT;
CREATE TABLE step_attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  step INTEGER NOT NULL REFERENCES steps ON DELETE CASCADE,
  call TEXT NOT NULL,
  artifact TEXT NOT NULL,
  deploy INTEGER NOT NULL,
  webhook TEXT NOT NULL,
  public_url TEXT NOT NULL,
  key TEXT NOT NULL,
  variables TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT,
  error TEXT
) STRICT;
CREATE TABLE step_waits (
  step INTEGER NOT NULL REFERENCES steps ON DELETE CASCADE,
  waits_for INTEGER NOT NULL REFERENCES steps ON DELETE CASCADE,
  PRIMARY KEY (step, waits_for)
) STRICT, WITHOUT ROWID;
CREATE TABLE steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  environment INTEGER NOT NULL REFERENCES environments ON DELETE CASCADE,
  registration INTEGER NOT NULL REFERENCES registrations ON DELETE CASCADE,
  deploy INTEGER REFERENCES deploys ON DELETE CASCADE,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  wave INTEGER NOT NULL,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  checks INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER,
  parked INTEGER NOT NULL DEFAULT 0 CHECK (parked IN (0, 1)),
  awaiting TEXT NOT NULL DEFAULT '[]',
  was_unknown INTEGER NOT NULL DEFAULT 0 CHECK (was_unknown IN (0, 1)),
  last_error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE TABLE user_accounts (
  project INTEGER NOT NULL,
  environment INTEGER NOT NULL,
  user TEXT NOT NULL,
  integration TEXT NOT NULL,
  settings_sealed BLOB NOT NULL,
  credential_sealed BLOB,
  scopes TEXT NOT NULL,
  PRIMARY KEY (project, environment, user, integration),
  FOREIGN KEY (project, environment, user) REFERENCES connected_users ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deployments_current ON deployments (project, environment) WHERE ended_at IS NULL;
CREATE INDEX deployments_deploy ON deployments (deploy);
CREATE INDEX relationships_to ON relationships (to_object);
CREATE INDEX registrations_standing ON registrations (project, environment)
  WHERE state NOT IN ('gone', 'forgotten');
CREATE INDEX registrations_object ON registrations (object);
CREATE INDEX registrations_found_beside ON registrations (found_beside) WHERE found_beside IS NOT NULL;
CREATE INDEX registration_events_registration ON registration_events (registration);
CREATE INDEX steps_open ON steps (project, environment)
  WHERE state NOT IN ('done', 'superseded', 'forgotten');
CREATE INDEX steps_registration ON steps (registration);
CREATE INDEX steps_deploy ON steps (deploy);
CREATE INDEX step_waits_for ON step_waits (waits_for);
CREATE INDEX step_attempts_step ON step_attempts (step);
CREATE TRIGGER audit_keeps_its_rows BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END;
CREATE TRIGGER audit_keeps_its_words BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END;
CREATE INDEX runs_place ON runs (project, environment, id);
CREATE INDEX runs_status ON runs (project, environment, status, id);
CREATE INDEX runs_running ON runs (id) WHERE status = 'running';
CREATE INDEX runs_queued ON runs (project, environment, id) WHERE status = 'queued';
CREATE INDEX runs_retrying ON runs (project, environment, next_attempt_at) WHERE status = 'retrying';
CREATE INDEX runs_next ON runs (next_attempt_at) WHERE status = 'retrying';
CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_delivery ON runs (delivery) WHERE delivery IS NOT NULL;
CREATE UNIQUE INDEX runs_tick ON runs (scheduled_object, tick, coalesce(user, ''))
  WHERE tick IS NOT NULL;
CREATE INDEX schedules_place ON schedules (project, environment);
CREATE INDEX schedules_next ON schedules (next_tick);
CREATE UNIQUE INDEX endpoints_subject ON endpoints (object, coalesce(user, ''));
CREATE INDEX endpoints_place ON endpoints (project, environment);
CREATE INDEX endpoints_user ON endpoints (project, environment, user) WHERE user IS NOT NULL;
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('deployments',1);
INSERT INTO "sqlite_sequence" VALUES('deploys',1);
INSERT INTO "sqlite_sequence" VALUES('environments',3);
INSERT INTO "sqlite_sequence" VALUES('objects',2);
INSERT INTO "sqlite_sequence" VALUES('projects',1);
INSERT INTO "sqlite_sequence" VALUES('runs',1);
INSERT INTO "sqlite_sequence" VALUES('deliveries',1);
COMMIT;
