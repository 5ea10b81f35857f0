-- The journal. No table here refers to one of the state: on SQLite they lie in different files.

-- Every token that was issued, as it was written on the token's way: one row a batch. All its keys grow with
-- time, so that none of them is written at a random place.
CREATE TABLE journal_batches (
    -- One a process, from its start to its end.
    writer TEXT NOT NULL,
    -- Counts a writer's batches from 1; a number is missing where a batch could not be written.
    sequence BIGINT NOT NULL,
    -- The earliest and the latest of all moments in it, those inside of ids included.
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    -- JSON: each grant once, and the tokens.
    records TEXT NOT NULL,
    PRIMARY KEY (writer, sequence)
);

CREATE INDEX journal_batches_by_time ON journal_batches (last_at, first_at);

-- A batch spans a moment, unless the clock was set while it was made. Those that do not are found on their own,
-- so that a look into the others can stop after ten minutes.
CREATE INDEX journal_batches_wide ON journal_batches (first_at) WHERE last_at - first_at > 600000;

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
CREATE INDEX refusals_by_time ON refusals (at);
