-- Pinned versions of software: one more section of desired state.

ALTER TABLE device_section DROP CONSTRAINT device_section_kind_check;
ALTER TABLE device_section ADD CONSTRAINT device_section_kind_check
    CHECK (kind IN ('production', 'mode', 'software'));
