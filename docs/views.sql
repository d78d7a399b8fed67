-- Friendly views of a store, for people who ask in SQL: docs/datasette.md says how.
--
-- They are made in a copy, never in a store that sepconv writes to:
--     sepconv db backup copy.db && sqlite3 copy.db < docs/views.sql
-- Running this again makes them anew. For SQLite 3.38 or newer.

BEGIN;

DROP VIEW IF EXISTS events;
DROP VIEW IF EXISTS failures;
DROP VIEW IF EXISTS speedups;
DROP VIEW IF EXISTS latest;
DROP VIEW IF EXISTS history;
DROP VIEW IF EXISTS cases;
DROP VIEW IF EXISTS runs;

-- Every run: what was measured when, where, and at which commit.
CREATE VIEW runs AS
SELECT
    run.id AS run, run.started_at, run.finished_at, run.suite, run.state, run.branch, run.dirty,
    substr(revision."commit", 1, 12) AS revision, revision.subject,
    machine.label AS machine, environment.label AS environment,
    run.machine_id, run.environment_id
FROM run
JOIN machine ON machine.id = run.machine_id
JOIN environment ON environment.id = run.environment_id
LEFT JOIN revision ON revision.id = run.revision_id;

-- Every case by a name that people can read: "depthwise_separable 64→128 56×56 k3 s2".
CREATE VIEW cases AS
SELECT
    id AS case_id,
    identity,
    conv_type || ' ' || in_channels || '→' || out_channels || ' ' || height || '×' || width
        || ' k' || kernel_size || ' s' || stride AS name,
    conv_type, in_channels, out_channels, height, width, kernel_size, stride, padding, dilation,
    groups, bias, block, options, batch_size, direction, device, dtype, memory_format, threads,
    compiled, cache
FROM "case";

-- One row for every run, case and metric, with its 95 % interval; one more, without a metric, for
-- a case that was not measured. The same rows as sepconv.load gives.
CREATE VIEW history AS
SELECT
    measurement.run_id AS run,
    runs.started_at, runs.revision, runs.machine, runs.environment,
    coalesce(said.status, measurement.status) AS status,
    cases.*,
    said.metric, said.value, said.low, said.high,
    coalesce(said.error, measurement.error) AS error,
    runs.suite, runs.branch, runs.dirty, runs.machine_id, runs.environment_id,
    measurement.id AS measurement_id
FROM (
    SELECT measurement_id, metric, value, low, high, status, error FROM value
    UNION ALL
    SELECT measurement.id, NULL, NULL, NULL, NULL, NULL, NULL
    FROM measurement
    WHERE measurement.status NOT IN ('ok', 'noisy', 'faulting', 'throttled')
       OR NOT EXISTS (SELECT 1 FROM value WHERE value.measurement_id = measurement.id)
) AS said
JOIN measurement ON measurement.id = said.measurement_id
JOIN runs ON runs.run = measurement.run_id
JOIN cases ON cases.case_id = measurement.case_id;

-- The newest latency of every case on every machine and environment, in milliseconds.
CREATE VIEW latest AS
SELECT
    run, started_at, revision, machine, environment, name, conv_type, in_channels, out_channels,
    height, width, kernel_size, stride, batch_size, direction, device, dtype, threads, status,
    1e3 * value AS latency_ms, 1e3 * low AS low_ms, 1e3 * high AS high_ms, case_id
FROM (
    SELECT
        history.*,
        row_number() OVER (
            PARTITION BY case_id, machine_id, environment_id ORDER BY started_at DESC, run DESC
        ) AS age
    FROM history
    WHERE metric = 'latency_s' AND value IS NOT NULL
)
WHERE age = 1;

-- What a separable form really gains over standard, what the multiply-adds promise, and the share
-- of the promise that is kept. "faster" and "slower" only where the whole interval says so.
CREATE VIEW speedups AS
SELECT
    realised.run, realised.started_at, realised.revision, realised.machine, realised.environment,
    realised.name, realised.conv_type, realised.in_channels, realised.out_channels,
    realised.height, realised.width, realised.kernel_size, realised.stride, realised.batch_size,
    realised.direction, realised.device, realised.dtype, realised.threads,
    realised.value AS speedup, realised.low, realised.high,
    CASE
        WHEN realised.low > 1 THEN 'faster'
        WHEN realised.high < 1 THEN 'slower'
        ELSE 'undecided'
    END AS outcome,
    ideal.value AS ideal,
    realised.value / ideal.value AS share_of_promise,
    realised.case_id
FROM history AS realised
LEFT JOIN value AS ideal
    ON ideal.measurement_id = realised.measurement_id AND ideal.metric = 'ideal_speedup'
WHERE realised.metric = 'realised_speedup' AND realised.value IS NOT NULL;

-- What was tried in vain, or not tried, newest first, with the reason.
CREATE VIEW failures AS
SELECT
    runs.run, runs.started_at, runs.revision, runs.machine, cases.name,
    measurement.status, measurement.error, cases.case_id
FROM measurement
JOIN runs ON runs.run = measurement.run_id
JOIN cases ON cases.case_id = measurement.case_id
WHERE measurement.status NOT IN ('ok', 'noisy', 'faulting', 'throttled')
ORDER BY runs.started_at DESC, runs.run DESC, cases.name;

-- What changed between which commits, in how many cases, by how much, and what was said of it last.
CREATE VIEW events AS
SELECT
    event.id AS event, event.kind, event.direction,
    coalesce(newest.state, 'suspicious') AS state, newest.author, newest.reason,
    event.machine, event.last_good_at, event.began_at, event.last_seen_at, event.sightings,
    json_array_length(event.members) AS cases,
    (SELECT min(json_extract(value, '$.ratio')) FROM json_each(event.members)) AS least_ratio,
    (SELECT max(json_extract(value, '$.ratio')) FROM json_each(event.members)) AS greatest_ratio,
    substr(good."commit", 1, 12) AS last_good, substr(bad."commit", 1, 12) AS first_bad,
    json_array_length(event.commits) AS commits_between, event.uid
FROM event
LEFT JOIN revision AS good ON good.id = event.last_good_revision_id
LEFT JOIN revision AS bad ON bad.id = event.first_bad_revision_id
LEFT JOIN (
    SELECT
        note.*,
        row_number() OVER (PARTITION BY event_id ORDER BY noted_at DESC, state DESC) AS age
    FROM note
) AS newest ON newest.event_id = event.id AND newest.age = 1
ORDER BY event.last_seen_at DESC, event.id DESC;

COMMIT;
