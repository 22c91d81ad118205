-- The audit says who it was, from where, what changed from what to what, and what was refused.

ALTER TABLE audit_log ADD COLUMN actor_kind text NOT NULL DEFAULT 'hub';
ALTER TABLE audit_log ADD COLUMN actor_id text NOT NULL DEFAULT '';
ALTER TABLE audit_log ADD COLUMN credential text;
ALTER TABLE audit_log ADD COLUMN address text;
ALTER TABLE audit_log ADD COLUMN request_id text;
ALTER TABLE audit_log ADD COLUMN outcome text NOT NULL DEFAULT 'ok';
ALTER TABLE audit_log ADD COLUMN reason text;
ALTER TABLE audit_log ADD COLUMN changes jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN audit_log.actor IS 'A name; proof is actor_id.';
COMMENT ON COLUMN audit_log.actor_id IS 'The id of the user (also for an API key) or device; empty when nobody was proved.';
COMMENT ON COLUMN audit_log.credential IS 'The session or the API key.';
COMMENT ON COLUMN audit_log.changes IS 'field: [old, new]';
