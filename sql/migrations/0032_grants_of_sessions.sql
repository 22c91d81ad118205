-- By which session a program without a browser was approved: it signs in as old as that one.

ALTER TABLE device_grant ADD COLUMN approved_session text;
