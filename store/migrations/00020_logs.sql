-- +goose Up
-- How far the logs of each instance were read. It is written together with
-- what was read, so that no line is lost and none is there twice.
CREATE TABLE log_cursors (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    instance      TEXT NOT NULL,
    version       INTEGER NOT NULL,
    state         BLOB NOT NULL,
    read_at       INTEGER NOT NULL,
    PRIMARY KEY (deployment_id, instance)
) STRICT;

-- Log lines as they were taken in, compressed.
CREATE TABLE log_chunks (
    seq           INTEGER PRIMARY KEY,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    instance      TEXT NOT NULL,
    first_at      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    lines         INTEGER NOT NULL,
    taken_at      INTEGER NOT NULL,
    data          BLOB NOT NULL
) STRICT;
CREATE INDEX log_chunks_deployment ON log_chunks (deployment_id, seq);

-- What rules made of the lines, and what was counted of the reading.
CREATE TABLE log_series (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    instance      TEXT NOT NULL,
    name          TEXT NOT NULL,
    labels        TEXT NOT NULL,
    rule          TEXT NOT NULL,
    value         REAL NOT NULL,
    observations  INTEGER NOT NULL,
    buckets       TEXT NOT NULL,
    observed_at   INTEGER NOT NULL,
    PRIMARY KEY (deployment_id, instance, name, labels)
) STRICT;

-- +goose Down
DROP TABLE log_series;
DROP TABLE log_chunks;
DROP TABLE log_cursors;
