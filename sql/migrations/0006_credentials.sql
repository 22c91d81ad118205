-- Credentials end by number, not by time; attempts to sign in are counted before they are decided.

CREATE TABLE installation (
    installation_id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    incarnation     bigint NOT NULL DEFAULT 0
);
INSERT INTO installation DEFAULT VALUES;
COMMENT ON TABLE installation IS 'One row: which installation this database is; the issuer of its tokens.';

ALTER TABLE user_session ADD COLUMN lowest bigint NOT NULL DEFAULT 0;
ALTER TABLE user_session ADD COLUMN highest bigint NOT NULL DEFAULT 0;
ALTER TABLE user_session ADD COLUMN ends_at timestamptz NOT NULL DEFAULT now() + interval '90 days';
ALTER TABLE user_session ADD COLUMN authenticated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE user_session ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE user_session ADD COLUMN address text;
COMMENT ON COLUMN user_session.lowest IS 'Tokens of the session with a version from lowest to highest are good; none when lowest is above.';
COMMENT ON COLUMN user_session.ends_at IS 'However often it is renewed, it ends then.';
COMMENT ON COLUMN user_session.authenticated_at IS 'When the user last showed more than a token.';

ALTER TABLE device ADD COLUMN lowest bigint NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN highest bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN device.lowest IS 'Tokens of the device with a version from lowest to highest are good; none when lowest is above.';

DROP TABLE revocation;
CREATE TABLE revocation (
    revocation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id        text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('session', 'user', 'device', 'signing_key')),
    subject       text NOT NULL,
    lowest        bigint NOT NULL,
    highest       bigint NOT NULL,
    made_in       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    made_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocation_made_in ON revocation (made_in);
COMMENT ON TABLE revocation IS 'For replicas that are at work: the numbers of a credential have changed. The truth is the row of the credential.';
COMMENT ON COLUMN revocation.subject IS 'user_id/session_id of a session, else the id.';
COMMENT ON COLUMN revocation.made_in IS 'Read by transaction, not by time: whatever commits later than a poll is in the next one.';

DROP TABLE login_failure;
CREATE TABLE login_attempt (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id     text NOT NULL,
    name       text NOT NULL,
    address    text NOT NULL,
    known      boolean NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_attempt_name ON login_attempt (org_id, name, at);
CREATE INDEX login_attempt_address ON login_attempt (address, at);
COMMENT ON TABLE login_attempt IS 'Each attempt, before the password is looked at; one that fits is taken out again.';
COMMENT ON COLUMN login_attempt.known IS 'The user has signed in from that address before.';

CREATE TABLE login_address (
    org_id  text NOT NULL,
    user_id text NOT NULL,
    address text NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id, address),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
COMMENT ON TABLE login_address IS 'From where a user has signed in: strangers cannot lock these out.';
