-- Runs that wait: a run has no artifact before its first attempt, and may have several attempts.
CREATE TABLE runs_of_today (
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

-- Ids are never given twice, not even those of runs that are gone.
INSERT INTO sqlite_sequence (name, seq)
  SELECT 'runs_of_today', seq FROM sqlite_sequence WHERE name = 'runs';

INSERT INTO runs_of_today (id, project, environment, kind, object, artifact, trigger, user, status,
    patience, input, output, error_code, error_message, error_retryable, queued_at, started_at,
    attempt_started_at, finished_at, duration_us, cpu_us, peak_memory, attempts, replay_of)
  SELECT id, project, environment, kind, object, artifact, trigger, user, status, 'answered', input,
    output, error_code, error_message, error_retryable, started_at, started_at, started_at,
    finished_at, duration_us, cpu_us, peak_memory, 1, replay_of
  FROM runs;

-- Attempts that are over; the one under way is in its run's row.
CREATE TABLE run_attempts (
  run INTEGER NOT NULL REFERENCES runs_of_today ON DELETE CASCADE,
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

INSERT INTO run_attempts (run, number, artifact, started_at, ended_at, outcome, error_code,
    error_message, duration_us, cpu_us, peak_memory, logs, requests)
  SELECT r.id, 1, r.artifact, r.started_at, coalesce(r.finished_at, r.started_at), r.status,
    r.error_code, r.error_message, coalesce(r.duration_us, 0), r.cpu_us, r.peak_memory,
    coalesce(d.logs, '[]'), coalesce(d.requests, '[]')
  FROM runs r LEFT JOIN run_details d ON d.run = r.id WHERE r.status <> 'running';

DROP TABLE run_details;
DROP TABLE runs;
ALTER TABLE runs_of_today RENAME TO runs;

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

-- The schedules of live workflows; ticks up to `after` are dealt with. What is
-- due says when the next one comes.
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
CREATE INDEX schedules_place ON schedules (project, environment);
CREATE INDEX schedules_next ON schedules (next_tick);

INSERT INTO schedules (object, project, environment, cron, time_zone, catch_up, after, next_tick)
  SELECT o.id, o.project, o.environment, o.spec ->> '$.trigger.cron',
    o.spec ->> '$.trigger.time_zone', o.spec ->> '$.trigger.catch_up', c.deployed_at, 0
  FROM objects o
  JOIN deployments c ON c.project = o.project AND c.environment = o.environment
    AND c.ended_at IS NULL
  WHERE o.live = 1 AND o.kind = 'workflow' AND o.spec ->> '$.trigger.on' = 'schedule';
