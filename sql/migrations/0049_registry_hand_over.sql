-- How devices sign in at a registry is handed over to the last of them, whoever dies meanwhile.

ALTER TABLE registry ADD COLUMN hand_over text[] NOT NULL DEFAULT '{}';
CREATE INDEX registry_hand_over ON registry (org_id, name) WHERE hand_over <> '{}';
COMMENT ON COLUMN registry.hand_over IS 'The hosts whose devices have yet to be handed what was changed.';
UPDATE registry SET hand_over = ARRAY[host];
