-- Campaigns of every command: what kind they are, whom they are for, when they begin, and how often they were
-- opened again.

ALTER TABLE campaign
    ADD COLUMN kind text NOT NULL DEFAULT 'command' CHECK (kind IN ('command', 'release', 'application')),
    ADD COLUMN name text,
    ADD COLUMN target jsonb,
    ADD COLUMN attempt integer NOT NULL DEFAULT 1,
    ADD COLUMN opened_at timestamptz NOT NULL DEFAULT now();
UPDATE campaign SET opened_at = created_at, kind = CASE command ->> 'type' WHEN 'application' THEN 'application' ELSE 'release' END;
ALTER TABLE campaign
    ALTER COLUMN kind DROP DEFAULT,
    DROP CONSTRAINT campaign_status_check,
    ADD CONSTRAINT campaign_status_check
        CHECK (status IN ('AWAITING', 'SCHEDULED', 'PENDING', 'IN_PROGRESS', 'PAUSED', 'SUCCESS', 'FAILED', 'ABORTED'));
COMMENT ON COLUMN campaign.subject IS 'What it is about, for the floor that began it: the id of a release, the name of an application, the type of a command.';
COMMENT ON COLUMN campaign.target IS 'Whom it is for, as it was asked for; null: whoever has the application.';
COMMENT ON COLUMN campaign.attempt IS 'Grows when it is opened again for those that failed.';
COMMENT ON COLUMN campaign.opened_at IS 'When its present attempt began: what ended before says nothing of it.';
CREATE INDEX campaign_open ON campaign (org_id) WHERE closed_at IS NULL;

ALTER TABLE campaign_device
    ADD COLUMN losses smallint NOT NULL DEFAULT 0,
    ADD COLUMN failures smallint NOT NULL DEFAULT 0,
    ADD COLUMN from_health text,
    ADD COLUMN recalled boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN campaign_device.recalled IS 'Its window closed: its command is cancelled, and it waits for the next.';
COMMENT ON COLUMN campaign_device.losses IS 'Commands of which nothing became, and that were sent again.';
COMMENT ON COLUMN campaign_device.failures IS 'Commands that failed, and were sent again.';
