-- Campaigns: a command for many devices, in waves. What a line's hello said, so that they can tell.

ALTER TABLE device_line ADD COLUMN boot_id text;
ALTER TABLE device_line ADD COLUMN agent_version text;
COMMENT ON COLUMN device_line.boot_id IS 'The start of the agent that opened this line, as its hello said.';
COMMENT ON COLUMN device_line.agent_version IS 'What the agent on this line is, as its hello said.';

CREATE TABLE campaign (
    org_id          text NOT NULL REFERENCES org,
    campaign_id     text NOT NULL,
    subject         text NOT NULL,
    command         jsonb NOT NULL,
    terms           jsonb NOT NULL,
    status          text NOT NULL DEFAULT 'PENDING'
                    CHECK (status IN ('PENDING', 'IN_PROGRESS', 'PAUSED', 'SUCCESS', 'FAILED', 'ABORTED')),
    wave            integer NOT NULL DEFAULT 0,
    wave_since      timestamptz NOT NULL DEFAULT now(),
    stopped_because text,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    closed_at       timestamptz,
    driver          text,
    driver_until    timestamptz,
    PRIMARY KEY (org_id, campaign_id),
    CHECK ((finished_at IS NOT NULL) = (status IN ('SUCCESS', 'FAILED', 'ABORTED')))
);
CREATE INDEX campaign_open ON campaign (driver_until) WHERE closed_at IS NULL;
CREATE INDEX campaign_recent ON campaign (org_id, created_at DESC, campaign_id DESC);
CREATE INDEX campaign_subject ON campaign (org_id, subject);
COMMENT ON COLUMN campaign.subject IS 'What it is about, for the floor that began it: the id of a release.';
COMMENT ON COLUMN campaign.closed_at IS 'When nothing was under way any more: no replica need drive it.';
COMMENT ON COLUMN campaign.driver IS 'The replica that drives it until driver_until; then any other may.';

CREATE TABLE campaign_device (
    org_id            text NOT NULL,
    campaign_id       text NOT NULL,
    position          integer NOT NULL,
    device_id         text NOT NULL,
    wave              integer NOT NULL,
    status            text NOT NULL DEFAULT 'PENDING'
                      CHECK (status IN ('PENDING', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'SKIPPED')),
    phase             text NOT NULL DEFAULT 'waiting'
                      CHECK (phase IN ('waiting', 'downloading', 'staged', 'restarting', 'soaking')),
    attempt           integer NOT NULL DEFAULT 0,
    command_id        text,
    from_version      text,
    from_boot_id      text,
    from_generation   bigint,
    error             jsonb,
    since             timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    steady_since      timestamptz,
    steady_generation bigint,
    finished_at       timestamptz,
    PRIMARY KEY (org_id, campaign_id, position),
    UNIQUE (org_id, campaign_id, device_id),
    FOREIGN KEY (org_id, campaign_id) REFERENCES campaign ON DELETE CASCADE,
    CHECK ((finished_at IS NOT NULL) = (status IN ('SUCCESS', 'FAILED', 'SKIPPED')))
) WITH (fillfactor = 70);
CREATE INDEX campaign_device_under_way ON campaign_device (org_id, campaign_id) WHERE status = 'IN_PROGRESS';
CREATE INDEX campaign_device_waiting ON campaign_device (org_id, campaign_id, wave, position) WHERE status = 'PENDING';
CREATE INDEX campaign_device_started ON campaign_device (org_id, campaign_id, started_at);
CREATE INDEX campaign_device_past ON campaign_device (org_id, device_id, finished_at) WHERE status IN ('SUCCESS', 'FAILED');
COMMENT ON COLUMN campaign_device.from_boot_id IS 'The start of the agent that got the command: another one is a restart.';

-- Keys that sign releases: public parts only.

CREATE TABLE firmware_key (
    org_id     text NOT NULL REFERENCES org,
    key_id     text NOT NULL,
    name       text NOT NULL,
    public_key text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key_id),
    UNIQUE (org_id, public_key)
);

ALTER TABLE firmware_release ADD COLUMN signed_by text;
ALTER TABLE firmware_release ADD FOREIGN KEY (org_id, signed_by) REFERENCES firmware_key;
CREATE INDEX firmware_release_artifact ON firmware_release (sha256);
COMMENT ON COLUMN firmware_release.signed_by IS 'The key of ours that its signature fits; null when it was not checked.';
