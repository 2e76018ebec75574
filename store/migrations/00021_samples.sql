-- +goose Up
-- Samples were a row each, a day old at most, and what is watched is read
-- again within a minute: they are dropped rather than converted.
DROP TABLE samples;

-- What one source says of one instance. Identifiers are never used again, so
-- that one that a process remembers can not come to mean something else.
CREATE TABLE sample_targets (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    instance      TEXT NOT NULL,
    source        TEXT NOT NULL,
    UNIQUE (deployment_id, instance, source)
) STRICT;

CREATE TABLE sample_series (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    target_id INTEGER NOT NULL REFERENCES sample_targets (id),
    name      TEXT NOT NULL,
    labels    TEXT NOT NULL,
    seen_at   INTEGER NOT NULL, -- to the day
    UNIQUE (target_id, name, labels)
) STRICT;
CREATE INDEX sample_series_seen ON sample_series (seen_at);

-- Collections as they came in, the newest of each target among them.
CREATE TABLE sample_tail (
    target_id    INTEGER NOT NULL REFERENCES sample_targets (id),
    collected_at INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    data         BLOB NOT NULL,
    PRIMARY KEY (target_id, collected_at, seq)
) STRICT, WITHOUT ROWID;

-- Earlier collections, compressed together.
CREATE TABLE sample_chunks (
    seq          INTEGER PRIMARY KEY,
    target_id    INTEGER NOT NULL REFERENCES sample_targets (id),
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    collected_at INTEGER NOT NULL, -- the newest
    data         BLOB NOT NULL
) STRICT;
CREATE INDEX sample_chunks_target ON sample_chunks (target_id, first_at);
CREATE INDEX sample_chunks_collected ON sample_chunks (collected_at);

-- What the chunks come to in steps of 5 minutes and of an hour, a row for many
-- steps.
CREATE TABLE sample_rollups (
    seq        INTEGER PRIMARY KEY,
    target_id  INTEGER NOT NULL REFERENCES sample_targets (id),
    step       INTEGER NOT NULL, -- milliseconds
    start_at   INTEGER NOT NULL,
    data       BLOB NOT NULL,
    UNIQUE (target_id, step, start_at)
) STRICT;
CREATE INDEX sample_rollups_age ON sample_rollups (step, start_at);

-- +goose Down
DROP TABLE sample_rollups;
DROP TABLE sample_chunks;
DROP TABLE sample_tail;
DROP TABLE sample_series;
DROP TABLE sample_targets;
CREATE TABLE samples (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    instance      TEXT NOT NULL,
    source        TEXT NOT NULL,
    name          TEXT NOT NULL,
    labels        TEXT NOT NULL,
    value         REAL NOT NULL,
    observed_at   INTEGER NOT NULL,
    collected_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX samples_collected ON samples (deployment_id, instance, source, collected_at);
