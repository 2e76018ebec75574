-- +goose Up
-- When people were first told of what an alert belongs to; 0 when they were not,
-- as a more urgent one of the same objective fires.
ALTER TABLE alerts ADD COLUMN told_at INTEGER NOT NULL DEFAULT 0;
UPDATE alerts SET told_at = fired_at;

-- +goose Down
ALTER TABLE alerts DROP COLUMN told_at;
