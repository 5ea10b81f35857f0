-- Everything but the journal. A record is kept as one JSON document; the columns beside it are those that a
-- query or a constraint needs, and are written from the same record. Times are milliseconds of the epoch.

CREATE TABLE realms (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);

-- A host name belongs to one realm of the installation.
CREATE TABLE realm_hosts (
    host TEXT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL REFERENCES realms (id)
);

CREATE INDEX realm_hosts_by_realm ON realm_hosts (realm);

CREATE TABLE resource_servers (
    realm TEXT NOT NULL REFERENCES realms (id),
    identifier TEXT NOT NULL,
    -- The identifier as audiences are compared: without one slash at its end.
    comparable TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, identifier),
    UNIQUE (realm, comparable)
);

CREATE TABLE policies (
    realm TEXT NOT NULL REFERENCES realms (id),
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, id)
);

CREATE TABLE organizations (
    realm TEXT NOT NULL REFERENCES realms (id),
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, id)
);

CREATE TABLE licences (
    realm TEXT NOT NULL,
    id TEXT NOT NULL,
    organization TEXT NOT NULL,
    -- NULL: it does not end.
    ends_at BIGINT,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, organization) REFERENCES organizations (realm, id)
);

CREATE INDEX licences_by_organization ON licences (realm, organization, id);
CREATE INDEX licences_by_end ON licences (realm, ends_at) WHERE ends_at IS NOT NULL;

-- The ids of clients, access keys and users are unique together. The row of a deleted thing stays, retired: its
-- id can be used again only for a thing of the same kind in the same organization.
CREATE TABLE identifiers (
    realm TEXT NOT NULL REFERENCES realms (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    organization TEXT,
    retired BOOLEAN NOT NULL,
    PRIMARY KEY (realm, id)
);

CREATE TABLE clients (
    realm TEXT NOT NULL,
    id TEXT NOT NULL,
    organization TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, id),
    -- What access keys refer to, so that a key cannot name one organization and its client another.
    UNIQUE (realm, organization, id),
    FOREIGN KEY (realm, organization) REFERENCES organizations (realm, id),
    FOREIGN KEY (realm, id) REFERENCES identifiers (realm, id)
);

CREATE TABLE access_keys (
    realm TEXT NOT NULL,
    id TEXT NOT NULL,
    organization TEXT NOT NULL,
    client TEXT NOT NULL,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, organization, client) REFERENCES clients (realm, organization, id),
    FOREIGN KEY (realm, id) REFERENCES identifiers (realm, id)
);

CREATE INDEX access_keys_by_client ON access_keys (realm, organization, client);

CREATE TABLE users (
    realm TEXT NOT NULL,
    id TEXT NOT NULL,
    organization TEXT,
    -- As it is compared, without regard to case; the document has it as it was given.
    email TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, id),
    UNIQUE (realm, email),
    FOREIGN KEY (realm, organization) REFERENCES organizations (realm, id),
    FOREIGN KEY (realm, id) REFERENCES identifiers (realm, id)
);

CREATE INDEX users_by_organization ON users (realm, organization, id);

CREATE TABLE signing_keys (
    realm TEXT NOT NULL REFERENCES realms (id),
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, kid)
);

CREATE TABLE revocations (
    realm TEXT NOT NULL REFERENCES realms (id),
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    -- Tokens issued at or before it are dead; the greatest BIGINT is an open revocation.
    cutoff BIGINT NOT NULL,
    -- NULL: it must be kept.
    forget_after BIGINT,
    -- The client that a revoked token was issued to.
    client TEXT,
    -- The change that last moved it.
    changed BIGINT NOT NULL,
    PRIMARY KEY (realm, kind, id)
);

CREATE INDEX revocations_by_change ON revocations (realm, changed);
CREATE INDEX revocations_by_end ON revocations (realm, forget_after) WHERE forget_after IS NOT NULL;
CREATE INDEX revocations_by_client ON revocations (realm, client) WHERE client IS NOT NULL;

-- One row. It is counted up inside each change's transaction, which keeps it locked until the change is visible:
-- numbers have no gaps and become visible in their order.
CREATE TABLE change_counter (
    only_row BOOLEAN NOT NULL PRIMARY KEY CHECK (only_row),
    sequence BIGINT NOT NULL
);

INSERT INTO change_counter (only_row, sequence) VALUES (TRUE, 0);

CREATE TABLE changes (
    sequence BIGINT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    kind TEXT NOT NULL,
    cached_under TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE audit (
    sequence BIGINT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    organization TEXT,
    before_document TEXT,
    after_document TEXT
);

CREATE INDEX audit_by_realm ON audit (realm, sequence);
CREATE INDEX audit_by_organization ON audit (realm, organization, sequence) WHERE organization IS NOT NULL;
