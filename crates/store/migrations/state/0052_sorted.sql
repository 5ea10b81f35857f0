-- What lists in an order of their own are read from: a row a thing for each order. A page is a range of a key, so that it
-- costs the same wherever it lies.

CREATE TABLE sorted (
    realm TEXT NOT NULL,
    -- `client`, `organization` or `user`.
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    -- `name`, `created` or `role`.
    sort_key TEXT NOT NULL,
    -- Empty where there is none.
    organization TEXT NOT NULL,
    status TEXT NOT NULL,
    -- What decides the place in the order.
    term TEXT NOT NULL,
    -- In small letters, to be filtered by.
    name TEXT NOT NULL,
    PRIMARY KEY (realm, kind, id, sort_key)
);

CREATE INDEX sorted_by_term ON sorted (realm, kind, sort_key, status, term, id);
CREATE INDEX sorted_by_organization ON sorted (realm, kind, organization, sort_key, status, term, id);

-- Everything is listed once more when the store is opened.
DELETE FROM listed_kinds;
