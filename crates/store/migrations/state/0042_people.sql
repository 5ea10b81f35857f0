-- Signing in to the console.

-- Sessions of people. Whatever writes a revocation of a user removes its sessions in the same transaction.
CREATE TABLE sessions (
    -- Unique in the installation: a token names its session before anybody knows the realm.
    id TEXT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- The hash of the token, and the pepper that it was made with.
    pepper TEXT NOT NULL,
    hmac TEXT NOT NULL,
    -- How the person signed in.
    method TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    -- The last full authentication.
    proven_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id)
);

CREATE INDEX sessions_by_user ON sessions (realm, user_id, created_at);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);

-- What users have beside their passwords: one record a user.
CREATE TABLE factors (
    realm TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- What passkeys call the user.
    handle TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (realm, user_id),
    UNIQUE (realm, handle),
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id)
);

-- Links that set a password and can be used once; one a user.
CREATE TABLE links (
    -- Unique in the installation, as of sessions.
    id TEXT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL REFERENCES realms (id),
    -- Empty where the link makes the first operator.
    user_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (realm, user_id)
);

CREATE INDEX links_by_end ON links (expires_at);
