-- Devices have commands of their own.
--
-- Runs once, in a transaction, while replicas of the version before are still at work.

CREATE TABLE command_description (
    org_id       text NOT NULL REFERENCES org,
    hash         text NOT NULL,
    commands     text NOT NULL,
    described_by text NOT NULL,
    described_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, hash)
);
COMMENT ON TABLE command_description IS 'What devices say of their own commands, once for all whose hello names this hash. As text: the order of members is that of forms.';

ALTER TABLE device_line ADD COLUMN own_hash text;
COMMENT ON COLUMN device_line.own_hash IS 'The description of the device''s own commands, as its last hello said.';
ALTER TABLE command ADD COLUMN redeliver boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN command.redeliver IS 'Of a device''s own command: its description says that it may be delivered twice.';
