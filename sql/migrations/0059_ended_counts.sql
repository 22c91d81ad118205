-- Of a campaign that ended long ago its counts stay, when its devices go.

ALTER TABLE campaign ADD COLUMN ended_counts jsonb;
COMMENT ON COLUMN campaign.ended_counts IS 'How its devices stood, since these are gone; null: count them.';
