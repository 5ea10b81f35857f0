-- Refusals are told apart by their exact reason, too. It belongs to what counts are told apart by, and neither database
-- changes a table's key in place: both tables are made anew.

ALTER TABLE usage_open RENAME TO usage_open_before;

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
    -- Its exact reason; empty for tokens, and for refusals that were counted before reasons were.
    reason TEXT NOT NULL,
    -- Its begin.
    hour BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_from TEXT NOT NULL,
    -- Set by the transaction that moves it, and seen by no other.
    taken BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (realm, organization, client, access_key, audience, result, reason, hour)
);

INSERT INTO usage_open
    (realm, organization, client, access_key, audience, result, reason, hour, tokens, last_at, last_from)
SELECT realm, organization, client, access_key, audience, result, '', hour, tokens, last_at, last_from
FROM usage_open_before;

DROP TABLE usage_open_before;

CREATE INDEX usage_open_taken ON usage_open (realm) WHERE taken;

ALTER TABLE usage_blocks RENAME TO usage_blocks_before;

-- As it was, with the reason.
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
    reason TEXT NOT NULL,
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
    PRIMARY KEY (realm, unit, level, organization, client, access_key, audience, result, reason, block)
);

INSERT INTO usage_blocks
    (realm, unit, level, organization, client, access_key, audience, result, reason, block,
    s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19, s20, s21, s22,
    s23, s24, s25, s26, s27, s28, s29, s30, s31, s32, s33, s34, s35, s36, s37, s38, s39, s40, s41, s42, s43, s44, s45,
    s46, s47, s48, s49, s50, s51, s52, s53, s54, s55, s56, s57, s58, s59, s60, s61, s62, s63)
SELECT realm, unit, level, organization, client, access_key, audience, result, '', block,
    s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19, s20, s21, s22,
    s23, s24, s25, s26, s27, s28, s29, s30, s31, s32, s33, s34, s35, s36, s37, s38, s39, s40, s41, s42, s43, s44, s45,
    s46, s47, s48, s49, s50, s51, s52, s53, s54, s55, s56, s57, s58, s59, s60, s61, s62, s63
FROM usage_blocks_before;

DROP TABLE usage_blocks_before;

CREATE INDEX usage_blocks_of_hours ON usage_blocks (block) WHERE unit = 'hour';
