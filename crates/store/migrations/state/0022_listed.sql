-- What lists with filters are read from: two rows a thing, one under its id and one under its name, in small letters.
-- Every filter is a prefix of a key, so that a page costs the same wherever it lies.

CREATE TABLE listed (
    realm TEXT NOT NULL,
    -- `client`, `organization` or `user`.
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    -- The begin of the id or the name.
    term TEXT NOT NULL,
    id TEXT NOT NULL,
    -- Empty where there is none.
    organization TEXT NOT NULL,
    -- For the row under the id, the term of the other row; empty for that one.
    other TEXT NOT NULL,
    is_id BOOLEAN NOT NULL,
    PRIMARY KEY (realm, kind, is_id, status, term, id)
);

CREATE INDEX listed_by_organization ON listed (realm, kind, organization, is_id, status, term, id);
CREATE INDEX listed_by_id ON listed (realm, kind, id);

-- The kinds of which everything is listed: what was there before this table is listed when the store is opened.
CREATE TABLE listed_kinds (
    kind TEXT NOT NULL PRIMARY KEY
);
