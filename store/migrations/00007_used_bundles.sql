-- +goose Up
-- The reviewed bundles that were applied, by the hash of their manifest: each
-- is applied once.
CREATE TABLE used_bundles (
    hash          TEXT PRIMARY KEY,
    deployment_id TEXT NOT NULL,
    name          TEXT NOT NULL,
    at            INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE used_bundles;
