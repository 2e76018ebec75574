-- +goose Up
ALTER TABLE instances ADD COLUMN next_host_key TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE instances DROP COLUMN next_host_key;
