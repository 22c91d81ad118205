-- Keys by which people sign commands, and the signature that goes with a command to its device.

CREATE TABLE command_key (
    command_key_id text PRIMARY KEY,
    user_id        text NOT NULL REFERENCES account ON DELETE CASCADE,
    name           text NOT NULL,
    public_key     bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, public_key)
);
COMMENT ON TABLE command_key IS 'By which people sign commands outside the hub. Whom a device trusts stands in its own file.';
COMMENT ON COLUMN command_key.public_key IS 'Ed25519, 32 bytes.';

ALTER TABLE command ADD COLUMN signature text;
COMMENT ON COLUMN command.signature IS 'JSON, as it goes beside the command to its device: text, because nothing may change in it.';
