-- What tells a master key or pepper of one name from another that somebody gave the same name. No key can be computed
-- from it.
CREATE TABLE key_checks (
    -- `master key` or `pepper`.
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
