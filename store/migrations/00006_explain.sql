-- +goose Up
-- What each attempt met and cost, for explain.
ALTER TABLE attempts ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN said TEXT NOT NULL DEFAULT '[]';
ALTER TABLE attempts ADD COLUMN next TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN spent_usd REAL NOT NULL DEFAULT 0;

-- Candidates that were not tried because of what was known by then.
CREATE TABLE skips (
    seq           INTEGER PRIMARY KEY,
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    attempt       INTEGER NOT NULL,
    provider      TEXT NOT NULL,
    region        TEXT NOT NULL DEFAULT '',
    zone          TEXT NOT NULL DEFAULT '',
    type          TEXT NOT NULL DEFAULT '',
    spot          INTEGER NOT NULL DEFAULT 0,
    class         TEXT NOT NULL DEFAULT '',
    scope         TEXT NOT NULL DEFAULT '',
    candidates    INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    at            INTEGER NOT NULL
) STRICT;
CREATE INDEX skips_deployment ON skips (deployment_id, seq);

-- +goose Down
DROP TABLE skips;
ALTER TABLE attempts DROP COLUMN spent_usd;
ALTER TABLE attempts DROP COLUMN next;
ALTER TABLE attempts DROP COLUMN said;
ALTER TABLE attempts DROP COLUMN source;
ALTER TABLE attempts DROP COLUMN scope;
