-- Requests that made something and may be sent again, by the name that their caller gave them (Idempotency-Key).
CREATE TABLE repeats (
    realm TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Of what was asked for.
    digest TEXT NOT NULL,
    request_id TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (realm, actor_kind, actor_id, key)
);

CREATE INDEX repeats_by_time ON repeats (at);
