-- What the journal's tokens add up to, counted in the background. On SQLite it is a file of its own: tokens never
-- wait for it.

-- How far each writer's batches are counted.
CREATE TABLE usage_counted (
    writer TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    -- When that was, for others to see that somebody is at it.
    counted_at BIGINT NOT NULL
);

CREATE TABLE usage_hours (
    realm TEXT NOT NULL,
    organization TEXT NOT NULL,
    client TEXT NOT NULL,
    -- Empty for a token without one.
    access_key TEXT NOT NULL,
    -- Its begin.
    hour BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_from TEXT NOT NULL,
    PRIMARY KEY (realm, organization, client, access_key, hour)
);
