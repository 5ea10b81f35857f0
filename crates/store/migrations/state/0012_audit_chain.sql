-- Audit records say from where, are chained by hashes, and are found by what people look for.

-- The network address of the actor.
ALTER TABLE audit ADD COLUMN actor_from TEXT;
-- The record's place in its realm's chain, from 1; 0 for what was written before there was one.
ALTER TABLE audit ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
-- Of the record and the hash before it (core's audit::chain).
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';

-- Where each realm's chain begins and ends: records that are missing at an end are missed too.
CREATE TABLE audit_chains (
    realm TEXT NOT NULL PRIMARY KEY,
    -- The last record that is kept no more.
    anchor_number BIGINT NOT NULL,
    anchor_sequence BIGINT NOT NULL,
    anchor_hash TEXT NOT NULL,
    -- The last record of all.
    head_number BIGINT NOT NULL,
    head_sequence BIGINT NOT NULL,
    head_hash TEXT NOT NULL
);

-- What is there already has no hash: the chain begins behind it.
INSERT INTO audit_chains
    (realm, anchor_number, anchor_sequence, anchor_hash, head_number, head_sequence, head_hash)
SELECT realm, 0, MAX(sequence), '', 0, MAX(sequence), '' FROM audit GROUP BY realm;

-- Each filter has an index that goes on by time, so that a page of any time is read where it lies.
CREATE INDEX audit_by_time ON audit (realm, at, sequence);
CREATE INDEX audit_by_actor ON audit (realm, actor_kind, actor_id, at, sequence);
CREATE INDEX audit_by_subject ON audit (realm, subject_kind, subject_id, at, sequence);
-- (SQLite takes a partial index before another one that seems as good to it, here the one by time alone.)
CREATE INDEX audit_by_action ON audit (realm, action, at, sequence) WHERE action IS NOT NULL;
CREATE INDEX audit_by_request ON audit (realm, request_id, at, sequence) WHERE request_id IS NOT NULL;
DROP INDEX audit_by_organization;
CREATE INDEX audit_by_organization ON audit (realm, organization, at, sequence) WHERE organization IS NOT NULL;
