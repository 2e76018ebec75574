-- +goose Up
-- Readings that count for an objective, by minute; older ones in longer steps.
CREATE TABLE objective_counts (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    objective     TEXT NOT NULL,
    step          INTEGER NOT NULL, -- milliseconds
    start_at      INTEGER NOT NULL,
    good          INTEGER NOT NULL,
    total         INTEGER NOT NULL,
    PRIMARY KEY (deployment_id, objective, step, start_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX objective_counts_age ON objective_counts (step, start_at);

-- Alerts that fire or did. The key names the deployment and not its
-- identifier, so that one goes on over a replacement.
CREATE TABLE alerts (
    key         TEXT PRIMARY KEY,
    deployment  TEXT NOT NULL,
    name        TEXT NOT NULL,
    severity    TEXT NOT NULL,
    labels      TEXT NOT NULL,
    state       TEXT NOT NULL,
    summary     TEXT NOT NULL,
    channels    TEXT NOT NULL, -- who was told that it fires
    fired_at    INTEGER NOT NULL,
    resolved_at INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

-- Maintenance that people asked for. That of an operation of our own is told
-- by the deployment's phase.
CREATE TABLE maintenance (
    id         INTEGER PRIMARY KEY,
    deployment TEXT NOT NULL,
    why        TEXT NOT NULL,
    begins_at  INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX maintenance_end ON maintenance (ends_at);

-- What people are to be told, written together with the alert that says so.
CREATE TABLE notifications (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    dedupe     TEXT NOT NULL UNIQUE,
    alert      TEXT NOT NULL,
    channel    TEXT NOT NULL, -- names of variables, never their values
    event      TEXT NOT NULL,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    error      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX notifications_due ON notifications (state, next_at);

-- +goose Down
DROP TABLE notifications;
DROP TABLE maintenance;
DROP TABLE alerts;
DROP TABLE objective_counts;
