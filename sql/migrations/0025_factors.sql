-- A second factor: one-time codes of an authenticator program, and signing in on another device.

ALTER TABLE account
    ADD COLUMN totp_secret    text,
    ADD COLUMN totp_confirmed boolean NOT NULL DEFAULT false,
    ADD COLUMN totp_step      bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN account.totp_confirmed IS 'The secret has been shown to work: from then on signing in asks for a code.';
COMMENT ON COLUMN account.totp_step IS 'The last step of time whose code was used: each counts once.';

CREATE TABLE recovery_code (
    user_id   text NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
COMMENT ON TABLE recovery_code IS 'Each signs in once in place of a code; a used one is gone.';

CREATE TABLE sign_in_challenge (
    challenge_hash bytea PRIMARY KEY,
    org_id         text NOT NULL REFERENCES org,
    user_id        text NOT NULL REFERENCES account ON DELETE CASCADE,
    by_cookie      boolean NOT NULL,
    tries          integer NOT NULL DEFAULT 0,
    expires_at     timestamptz NOT NULL DEFAULT now() + interval '5 minutes'
);
COMMENT ON TABLE sign_in_challenge IS 'Somebody has shown the password, and owes the second factor.';

CREATE TABLE device_grant (
    code_hash   bytea PRIMARY KEY,
    user_code   text NOT NULL UNIQUE,
    address     text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL DEFAULT now() + interval '10 minutes',
    interval_s  integer NOT NULL DEFAULT 5,
    polled_at   timestamptz,
    denied      boolean NOT NULL DEFAULT false,
    approved_by text REFERENCES account ON DELETE CASCADE,
    approved_in text REFERENCES org
);
COMMENT ON TABLE device_grant IS 'A program without a browser that wants to be signed in (RFC 8628).';
