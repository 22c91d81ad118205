-- Campaigns that devices join while they last, and that say whose they are.

ALTER TABLE campaign ADD COLUMN followed_at timestamptz;
COMMENT ON COLUMN campaign.followed_at IS 'When its target was looked up last, of one that follows it.';

ALTER TABLE campaign ADD COLUMN owner_name text NOT NULL DEFAULT '';
UPDATE campaign SET owner_name = created_by;
