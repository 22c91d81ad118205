-- Passkeys (WebAuthn), and what a session has shown of who it is.

CREATE TABLE passkey (
    passkey_id    text PRIMARY KEY,
    user_id       text NOT NULL REFERENCES account ON DELETE CASCADE,
    credential_id bytea NOT NULL UNIQUE,
    credential    bytea NOT NULL,
    transports    text[] NOT NULL DEFAULT '{}',
    name          text NOT NULL,
    sign_count    bigint NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz
);
CREATE INDEX passkey_user ON passkey (user_id);
COMMENT ON TABLE passkey IS 'Public keys of people: each signs in by itself.';
COMMENT ON COLUMN passkey.credential IS 'The attested credential data (WebAuthn, 6.5.2): the id and the public key.';
COMMENT ON COLUMN passkey.sign_count IS 'As the authenticator said it last; it only rises, or stays 0.';

CREATE TABLE passkey_challenge (
    challenge_hash bytea PRIMARY KEY,
    purpose        text NOT NULL CHECK (purpose IN ('register', 'sign_in', 'reauthenticate')),
    user_id        text REFERENCES account ON DELETE CASCADE,
    session_id     text,
    expires_at     timestamptz NOT NULL DEFAULT now() + interval '5 minutes'
);
COMMENT ON TABLE passkey_challenge IS 'What a passkey is to sign, once.';
COMMENT ON COLUMN passkey_challenge.session_id IS 'Of who asked, where a session did: for it alone.';

ALTER TABLE user_session
    ADD COLUMN shown text NOT NULL DEFAULT 'one_factor'
        CHECK (shown IN ('one_factor', 'second_factor', 'passkey'));
COMMENT ON COLUMN user_session.shown IS 'The most that its user has shown of who it is.';
