-- The journal. No table here refers to one of the state: on SQLite they lie in different files.

-- What is written on a token's way: one row a batch, no index but the growing key. A batch that is here has not
-- been expanded; expanding it moves its records to the tables below.
CREATE TABLE journal_batches (
    id TEXT NOT NULL PRIMARY KEY,
    -- A JSON array of token records.
    records TEXT NOT NULL
);

CREATE TABLE journal_tokens (
    realm TEXT NOT NULL,
    jti TEXT NOT NULL,
    request_id TEXT NOT NULL,
    organization TEXT,
    client TEXT,
    access_key TEXT,
    at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, jti)
);

CREATE INDEX journal_tokens_by_request ON journal_tokens (request_id);

CREATE TABLE key_usage (
    realm TEXT NOT NULL,
    organization TEXT NOT NULL,
    access_key TEXT NOT NULL,
    last_used_at BIGINT NOT NULL,
    last_used_from TEXT NOT NULL,
    uses BIGINT NOT NULL,
    PRIMARY KEY (realm, organization, access_key)
);

CREATE TABLE usage_hours (
    realm TEXT NOT NULL,
    organization TEXT NOT NULL,
    client TEXT NOT NULL,
    -- Its begin.
    hour BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (realm, organization, client, hour)
);

-- One row: numbers refusals, which have no id of their own.
CREATE TABLE refusal_counter (
    only_row BOOLEAN NOT NULL PRIMARY KEY CHECK (only_row),
    sequence BIGINT NOT NULL
);

INSERT INTO refusal_counter (only_row, sequence) VALUES (TRUE, 0);

CREATE TABLE refusals (
    id BIGINT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE INDEX refusals_by_request ON refusals (request_id);
CREATE INDEX refusals_by_time ON refusals (at, id);
