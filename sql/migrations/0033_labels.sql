-- Labels as rows: what a query finds by index must be a column with leakproof operators.

CREATE TABLE device_label (
    org_id    text NOT NULL,
    device_id text NOT NULL,
    key       text NOT NULL,
    value     text NOT NULL,
    PRIMARY KEY (org_id, device_id, key),
    FOREIGN KEY (org_id, device_id) REFERENCES device ON DELETE CASCADE
);
CREATE INDEX device_label_value ON device_label (org_id, key, value, device_id);
COMMENT ON TABLE device_label IS 'What people note of a device; a tag is a label without a value.';

INSERT INTO device_label (org_id, device_id, key, value)
SELECT DISTINCT org_id, device_id, tag, '' FROM device, unnest(tags) AS tag;
ALTER TABLE device DROP COLUMN tags;
