-- What the console keeps of a user, and what replicas tell of themselves.

ALTER TABLE app_user ADD COLUMN initial_password boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN app_user.initial_password IS 'Somebody or something else than the user made the password: the user is asked for another one.';

CREATE TABLE user_preference (
    org_id  text NOT NULL,
    user_id text NOT NULL,
    value   jsonb NOT NULL,
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
COMMENT ON TABLE user_preference IS 'What the console keeps for a user, such as saved views: one JSON object.';

ALTER TABLE replica ADD COLUMN version text;
ALTER TABLE replica ADD COLUMN figures jsonb;
COMMENT ON COLUMN replica.figures IS 'What the replica last told of itself, beside the renewal of its lease.';
