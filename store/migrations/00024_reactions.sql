-- +goose Up
-- What was done, or would have been, about a deployment that was not healthy.
CREATE TABLE reactions (
    seq           INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    kind          TEXT NOT NULL, -- restart, replace, failover
    evidence      TEXT NOT NULL, -- JSON
    why           TEXT NOT NULL,
    outcome       TEXT NOT NULL DEFAULT '', -- empty while it is under way
    note          TEXT NOT NULL DEFAULT '',
    replacement   TEXT NOT NULL DEFAULT '', -- the deployment that took over
    usd           REAL NOT NULL DEFAULT 0,
    began_at      INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX reactions_name ON reactions (name, began_at);

-- +goose Down
DROP TABLE reactions;
