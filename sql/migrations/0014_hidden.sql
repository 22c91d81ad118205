-- What a schema of configurations hid stays hidden when the schema goes.

CREATE TABLE config_hidden (
    org_id text NOT NULL REFERENCES org,
    digest bytea NOT NULL,
    schema text NOT NULL,
    PRIMARY KEY (org_id, digest)
);
COMMENT ON TABLE config_hidden IS 'Every schema of configurations that marked members writeOnly: what it hid stays hidden.';

INSERT INTO config_hidden (org_id, digest, schema)
SELECT org_id, sha256(convert_to(schema, 'UTF8')), schema FROM config_schema
WHERE schema LIKE '%"writeOnly"%';
