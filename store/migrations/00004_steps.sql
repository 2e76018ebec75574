-- +goose Up
-- The journal: what was going to be done, before it was begun.
CREATE TABLE steps (
    seq           INTEGER PRIMARY KEY,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    attempt       INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    detail        TEXT NOT NULL DEFAULT '',
    began_at      INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL DEFAULT 0,
    outcome       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX steps_deployment ON steps (deployment_id, seq);

-- +goose Down
DROP TABLE steps;
