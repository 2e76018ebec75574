-- +goose Up
-- What attempts met that says something of the next ones.
CREATE TABLE shortages (
    provider TEXT NOT NULL,
    region   TEXT NOT NULL,
    type     TEXT NOT NULL,
    spot     INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    sandbox  INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX shortages_at ON shortages (sandbox, at);

ALTER TABLE attempts ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN spot INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE attempts DROP COLUMN spot;
ALTER TABLE attempts DROP COLUMN zone;
DROP TABLE shortages;
