-- Groups whose members are those that a query means.

ALTER TABLE device_group
    ADD COLUMN query text,
    ADD COLUMN words jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN trusted boolean NOT NULL DEFAULT true,
    ADD COLUMN volatile boolean NOT NULL DEFAULT false,
    ADD COLUMN evaluated_at timestamptz;
CREATE INDEX device_group_dynamic ON device_group (org_id, group_id) WHERE query IS NOT NULL;
COMMENT ON COLUMN device_group.query IS 'Of a dynamic group: whom it means. Null: its members are named by hand.';
COMMENT ON COLUMN device_group.words IS 'The groups that the query names: the id of each by its name, as it was when the query was written.';
COMMENT ON COLUMN device_group.trusted IS 'No device comes in by what it says: its members change with the labels, groups and ids that the query names. Those of the others are swept.';
COMMENT ON COLUMN device_group.evaluated_at IS 'Of a dynamic group, when its query was last asked of all devices; null until that is done.';
