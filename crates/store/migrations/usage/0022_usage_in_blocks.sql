-- Usage by client, access key, audience and result, and last use apart from it. What is counted now stands in a small
-- table, into which counting a token is cheap; hours that are over are moved from there into blocks, where a
-- question about months meets few rows.

-- What was counted and is not in blocks yet. Requests that named nobody who is known have an empty organization and
-- client.
CREATE TABLE usage_open (
    realm TEXT NOT NULL,
    organization TEXT NOT NULL,
    client TEXT NOT NULL,
    -- Empty where it is not known.
    access_key TEXT NOT NULL,
    -- Empty where it is not known.
    audience TEXT NOT NULL,
    -- `issued`, or the OAuth error code of a refusal.
    result TEXT NOT NULL,
    -- Its begin.
    hour BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_from TEXT NOT NULL,
    -- Set by the transaction that moves it, and seen by no other.
    taken BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (realm, organization, client, access_key, audience, result, hour)
);

CREATE INDEX usage_open_taken ON usage_open (realm) WHERE taken;

-- Counts in a row, each with all before it: what lies between two of them is their difference, and the last one is the
-- whole block, of 64 hours or 64 days.
CREATE TABLE usage_blocks (
    realm TEXT NOT NULL,
    unit TEXT NOT NULL,
    -- 2 for a client's, 1 for the sum of an organization, 0 for that of the realm; the columns that are summed up are
    -- empty.
    level BIGINT NOT NULL,
    organization TEXT NOT NULL,
    client TEXT NOT NULL,
    access_key TEXT NOT NULL,
    audience TEXT NOT NULL,
    result TEXT NOT NULL,
    -- Counted from the epoch.
    block BIGINT NOT NULL,
    s00 BIGINT NOT NULL,
    s01 BIGINT NOT NULL,
    s02 BIGINT NOT NULL,
    s03 BIGINT NOT NULL,
    s04 BIGINT NOT NULL,
    s05 BIGINT NOT NULL,
    s06 BIGINT NOT NULL,
    s07 BIGINT NOT NULL,
    s08 BIGINT NOT NULL,
    s09 BIGINT NOT NULL,
    s10 BIGINT NOT NULL,
    s11 BIGINT NOT NULL,
    s12 BIGINT NOT NULL,
    s13 BIGINT NOT NULL,
    s14 BIGINT NOT NULL,
    s15 BIGINT NOT NULL,
    s16 BIGINT NOT NULL,
    s17 BIGINT NOT NULL,
    s18 BIGINT NOT NULL,
    s19 BIGINT NOT NULL,
    s20 BIGINT NOT NULL,
    s21 BIGINT NOT NULL,
    s22 BIGINT NOT NULL,
    s23 BIGINT NOT NULL,
    s24 BIGINT NOT NULL,
    s25 BIGINT NOT NULL,
    s26 BIGINT NOT NULL,
    s27 BIGINT NOT NULL,
    s28 BIGINT NOT NULL,
    s29 BIGINT NOT NULL,
    s30 BIGINT NOT NULL,
    s31 BIGINT NOT NULL,
    s32 BIGINT NOT NULL,
    s33 BIGINT NOT NULL,
    s34 BIGINT NOT NULL,
    s35 BIGINT NOT NULL,
    s36 BIGINT NOT NULL,
    s37 BIGINT NOT NULL,
    s38 BIGINT NOT NULL,
    s39 BIGINT NOT NULL,
    s40 BIGINT NOT NULL,
    s41 BIGINT NOT NULL,
    s42 BIGINT NOT NULL,
    s43 BIGINT NOT NULL,
    s44 BIGINT NOT NULL,
    s45 BIGINT NOT NULL,
    s46 BIGINT NOT NULL,
    s47 BIGINT NOT NULL,
    s48 BIGINT NOT NULL,
    s49 BIGINT NOT NULL,
    s50 BIGINT NOT NULL,
    s51 BIGINT NOT NULL,
    s52 BIGINT NOT NULL,
    s53 BIGINT NOT NULL,
    s54 BIGINT NOT NULL,
    s55 BIGINT NOT NULL,
    s56 BIGINT NOT NULL,
    s57 BIGINT NOT NULL,
    s58 BIGINT NOT NULL,
    s59 BIGINT NOT NULL,
    s60 BIGINT NOT NULL,
    s61 BIGINT NOT NULL,
    s62 BIGINT NOT NULL,
    s63 BIGINT NOT NULL,
    PRIMARY KEY (realm, unit, level, organization, client, access_key, audience, result, block)
);

CREATE INDEX usage_blocks_of_hours ON usage_blocks (block) WHERE unit = 'hour';

-- When and from where each access key last got a token, as far as that is in blocks.
CREATE TABLE usage_last (
    realm TEXT NOT NULL,
    organization TEXT NOT NULL,
    client TEXT NOT NULL,
    access_key TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    last_from TEXT NOT NULL,
    PRIMARY KEY (realm, organization, client, access_key)
);

-- What was counted before audiences were.
INSERT INTO usage_open
    (realm, organization, client, access_key, audience, result, hour, tokens, last_at, last_from)
SELECT realm, organization, client, access_key, '', 'issued', hour, tokens, last_at, last_from FROM usage_hours;

DROP TABLE usage_hours;
