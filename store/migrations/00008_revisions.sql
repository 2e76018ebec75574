-- +goose Up
-- A name has one current deployment, and while it is replaced a next one or a
-- previous one beside it.
ALTER TABLE deployments ADD COLUMN role TEXT NOT NULL DEFAULT 'current';
ALTER TABLE deployments ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE deployments ADD COLUMN replaces TEXT NOT NULL DEFAULT '';

DROP INDEX deployments_live_name;
CREATE UNIQUE INDEX deployments_live_name ON deployments (name)
    WHERE role = 'current' AND phase NOT IN ('destroyed', 'failed');
CREATE UNIQUE INDEX deployments_next_name ON deployments (name)
    WHERE role = 'next' AND phase NOT IN ('destroyed', 'failed');

-- What was wanted of a name, one after the other. An update in place is a
-- revision of the same deployment, a replacement one of a new deployment.
CREATE TABLE revisions (
    deployment_id TEXT NOT NULL REFERENCES deployments (id),
    n             INTEGER NOT NULL,
    made_by       TEXT NOT NULL,
    service       TEXT NOT NULL,
    policy        TEXT NOT NULL,
    price_usd     REAL NOT NULL DEFAULT 0,
    outcome       TEXT NOT NULL DEFAULT '',
    note          TEXT NOT NULL DEFAULT '',
    began_at      INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (deployment_id, n)
) STRICT;

-- Deployments of a name that ended before this migration are its first
-- revisions, oldest first; a name with one has revision 1.
UPDATE deployments SET revision = (SELECT count(*) FROM deployments AS d
    WHERE d.name = deployments.name AND d.rowid <= deployments.rowid);
INSERT INTO revisions (deployment_id, n, made_by, service, policy, price_usd, outcome, note, began_at, ended_at)
    SELECT id, revision, 'deploy', service, policy, price_usd,
        CASE WHEN phase = 'failed' THEN 'failed' WHEN phase IN ('pending', 'applying') THEN '' ELSE 'done' END,
        CASE WHEN phase = 'failed' THEN reason ELSE '' END,
        created_at, CASE WHEN phase IN ('pending', 'applying') THEN 0 ELSE updated_at END
    FROM deployments;

-- +goose Down
DROP TABLE revisions;
DROP INDEX deployments_next_name;
DROP INDEX deployments_live_name;
CREATE UNIQUE INDEX deployments_live_name ON deployments (name)
    WHERE phase NOT IN ('destroyed', 'failed');
ALTER TABLE deployments DROP COLUMN replaces;
ALTER TABLE deployments DROP COLUMN revision;
ALTER TABLE deployments DROP COLUMN role;
