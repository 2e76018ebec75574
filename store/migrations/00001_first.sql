-- +goose Up
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO meta VALUES ('installation', lower(hex(randomblob(16))));

CREATE TABLE deployments (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    phase       TEXT NOT NULL,
    reason      TEXT NOT NULL DEFAULT '',
    remote      INTEGER NOT NULL,
    sandbox     INTEGER NOT NULL,
    service     TEXT NOT NULL,
    policy      TEXT NOT NULL,
    provider    TEXT NOT NULL DEFAULT '',
    region      TEXT NOT NULL DEFAULT '',
    type        TEXT NOT NULL DEFAULT '',
    price_usd   REAL NOT NULL DEFAULT 0,
    attempt     INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- A name belongs to one deployment at a time; ended ones keep it in history.
CREATE UNIQUE INDEX deployments_live_name ON deployments (name)
    WHERE phase NOT IN ('destroyed', 'failed');

CREATE TABLE attempts (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    n             INTEGER NOT NULL,
    provider      TEXT NOT NULL,
    region        TEXT NOT NULL,
    type          TEXT NOT NULL,
    price_usd     REAL NOT NULL,
    phase         TEXT NOT NULL,
    class         TEXT NOT NULL DEFAULT '',
    cause         TEXT NOT NULL DEFAULT '',
    cleaned       TEXT NOT NULL DEFAULT '[]',
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (deployment_id, n)
) STRICT;

CREATE TABLE instances (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    address       TEXT NOT NULL,
    ssh_user      TEXT NOT NULL,
    ssh_port      INTEGER NOT NULL,
    host_key      TEXT NOT NULL,
    health_url    TEXT NOT NULL,
    logs          TEXT NOT NULL,
    PRIMARY KEY (deployment_id, id)
) STRICT;

CREATE TABLE events (
    seq           INTEGER PRIMARY KEY,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    text          TEXT NOT NULL
) STRICT;
CREATE INDEX events_deployment ON events (deployment_id, seq);

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

-- +goose Down
DROP TABLE samples;
DROP TABLE events;
DROP TABLE instances;
DROP TABLE attempts;
DROP TABLE deployments;
DROP TABLE meta;
