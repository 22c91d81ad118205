"""A database with a million rows: what a busy fleet leaves behind in its retention.

Device `d1` alone sends a tenth of everything, for a reading that goes through the history of one
device must show as well. A small second organisation, `small`, has what the first has, but less.
"""

from typing import Final

from hub.base.database import Database

DEVICES: Final = 5_000
ROWS: Final = {
    "event": 250_000,
    "status_event": 200_000,
    "log_line": 200_000,
    "metric_rollup": 150_000,
    "command": 120_000,
    "audit_log": 100_000,
}
_AGES: Final = {
    "event": "2 days",
    "status_event": "2 days",
    "log_line": "30 days",
    "metric_rollup": "30 days",
    "command": "90 days",
    "audit_log": "400 days",
}
"""The defaults of retention."""

_PARTITIONS: Final = """
SELECT make_partitions(parent, (partition_rule(parent)).step, 5, ARRAY(
    SELECT m FROM generate_series(now() - age, now(), (partition_rule(parent)).step) AS m))
FROM (VALUES ('event', interval '2 days'), ('status_event', '2 days'), ('log_line', '30 days'),
             ('metric_rollup', '30 days'), ('audit_log', '400 days')) AS t (parent, age)"""

_FLEET: Final = """
INSERT INTO org VALUES ('small', 'Small organisation');
INSERT INTO replica (replica_id, address, lease_until)
SELECT 'r' || n, 'here', now() FROM generate_series(1, 3) n;
INSERT INTO replica (replica_id, address, lease_until, ended_at, hole_told_at)
SELECT 'gone' || n, 'there', now(), now(), now() FROM generate_series(1, 50) n;
INSERT INTO device (org_id, device_id, name, company_id, created_at, disabled, command_seq,
                    quarantined_at, quarantined_by, quarantine_reason)
SELECT org, 'd' || n, 'Filler ' || n, 'company-' || n % 20,
       now() - n * interval '1 minute', n % 500 = 0, 1000000,
       CASE WHEN n % 1000 = 7 THEN now() END, 'u7', 'why'
FROM (VALUES ('default', $$devices), ('small', 50)) AS o (org, most), generate_series(1, most) n;
INSERT INTO device_state (org_id, device_id, status, metrics, last_seen)
SELECT org_id, device_id, CASE WHEN device_id LIKE '%99' THEN 'ERROR' ELSE 'ONLINE' END,
       '{"temperature": 20.5, "pressure": 3}', now() FROM device;
INSERT INTO device_label (org_id, device_id, key, value)
SELECT org_id, device_id, key, ''
FROM (SELECT org_id, device_id, substr(device_id, 2)::integer AS n FROM device) AS d,
     unnest(ARRAY['hall-' || n % 50, CASE WHEN n % 1000 = 1 THEN 'rare' END]) AS key
WHERE key IS NOT NULL;
INSERT INTO device_config (org_id, device_id) SELECT org_id, device_id FROM device;
INSERT INTO device_section (org_id, device_id, kind, document, hash)
SELECT org_id, device_id, kind, '{}', ''
FROM device, unnest('{production,mode}'::text[]) AS k (kind);
INSERT INTO device_config_history (org_id, device_id, version, actor, command_id, patch)
SELECT org_id, device_id, v, 'someone', device_id || '-' || v, '{}'
FROM device, generate_series(1, 4) v;
INSERT INTO device_line (org_id, device_id, replica_id, session_id, closed_at, connected_at)
SELECT org_id, device_id, 'r' || 1 + hashtext(device_id) % 2 + 1, 's',
       CASE WHEN hashtext(device_id) % 10 = 0 THEN now() END, created_at FROM device;
INSERT INTO device_group (org_id, group_id, name)
SELECT 'default', 'g' || n, 'Group ' || n FROM generate_series(1, 50) n;
INSERT INTO device_group_config (org_id, group_id, document, priority, updated_by)
SELECT 'default', 'g' || n, '{}', n, 'u' FROM generate_series(1, 50) n;
INSERT INTO device_group_member (org_id, group_id, device_id)
SELECT 'default', 'g' || n % 50 + 1, 'd' || n FROM generate_series(1, $$devices) n
"""

_HISTORY: Final = {
    "event": """
INSERT INTO event (org_id, device_id, received_at, ts, type, body)
SELECT org, device, at, at, (ARRAY['scan', 'print', 'event', 'alert', 'status'])[1 + n % 5],
       jsonb_build_object('code', n, 'status', 'ONLINE', 'connected', n % 2 = 0, 'generation', n)
FROM history""",
    "status_event": """
INSERT INTO status_event (org_id, device_id, received_at, ts, status, metrics)
SELECT org, device, at, at, (ARRAY['ONLINE', 'DEGRADED'])[1 + n / 7 % 2],
       jsonb_build_object('temperature', n % 40, 'pressure', n % 7) FROM history""",
    "log_line": """
INSERT INTO log_line (org_id, device_id, received_at, ts, level, source, command_id, line)
SELECT org, device, at, at, CASE WHEN n % 1000 = 0 THEN 3 ELSE n % 3 END, 'part-' || n % 4, NULL,
       'line ' || n || ' of what the device has to say of its work' FROM history""",
    "metric_rollup": """
INSERT INTO metric_rollup (org_id, device_id, bucket, name, count, sum, min, max)
SELECT org, device, date_bin('5 minutes', at, 'epoch'),
       (ARRAY['temperature', 'pressure'])[1 + n % 2], 1, n % 40, 1, 40 FROM history
ON CONFLICT DO NOTHING""",
    "command": """
INSERT INTO command (org_id, command_id, device_id, seq, type, params, status, delivery, timeout_ms,
                     actor, batch_id, request_hash, created_at, sent_at, sent_generation,
                     finished_at, accepted_by)
SELECT org, 'c' || n, device, most - n, (ARRAY['force_sync', 'restart', 'get_logs'])[1 + n % 3],
       '{}', CASE WHEN n % 1000 = 2 THEN 'SENT' WHEN n % 1000 = 1 THEN 'FAILED'
                  ELSE 'SUCCESS' END::command_status,
       'now', 1000, 'someone-' || n % 100, CASE WHEN n % 4 = 0 THEN 'b' || n / 400 END, 'x', at, at,
       1, CASE WHEN n % 1000 <> 2 THEN at END, 'r1'
FROM history""",
    "audit_log": """
INSERT INTO audit_log (org_id, at, actor, action, target)
SELECT org, at, 'someone-' || n % 100, (ARRAY['command', 'login', 'device'])[1 + n % 3],
       device FROM history""",
}
_OF: Final = """
WITH history AS (
    SELECT CASE WHEN n % 100 = 50 THEN 'small' ELSE 'default' END AS org,
           'd' || CASE WHEN n % 10 = 0 THEN 1 WHEN n % 100 = 50 THEN 1 + n / 100 % 50
                       ELSE 1 + n * 7919::bigint % $$devices END AS device,
           now() - n * (interval '$$age' / $$rows) AS at, n::integer AS n, $$rows AS most
    FROM generate_series(1, $$rows) n
)"""

_SEALED: Final = """
UPDATE audit_look SET sealed_to = pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                      looked_at = now()"""
"""The sealer has gone by."""
_ACCOUNTS: Final = """
INSERT INTO account (user_id, username, display_name, password_hash, last_org, created_at)
SELECT 'u' || n, 'someone-' || n, 'Someone', 'x', 'default', now() - n * interval '1 hour'
FROM generate_series(1, 2000) n;
INSERT INTO member (org_id, user_id, created_at)
SELECT 'default', 'u' || n, now() - n * interval '1 hour' FROM generate_series(1, 2000) n;
INSERT INTO account (user_id, display_name)
SELECT 'p' || n, 'Program' FROM generate_series(1, 1000) n;
INSERT INTO member (org_id, user_id, kind)
SELECT 'default', 'p' || n, 'service' FROM generate_series(1, 1000) n;
INSERT INTO team (org_id, team_id, name)
SELECT 'default', 't' || n, 'team ' || n FROM generate_series(1, 500) n;
INSERT INTO team_member (org_id, team_id, user_id)
SELECT 'default', 't' || 1 + n % 500, 'u' || 1 + n % 2000 FROM generate_series(1, 5000) n
ON CONFLICT DO NOTHING;
INSERT INTO custom_role (org_id, name, rules)
SELECT 'default', 'role ' || n, '[{"resources":["devices"],"verbs":["get"]}]'
FROM generate_series(1, 100) n;
INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind)
SELECT 'default', 'b' || n, 'ADMIN', 'user', 'u' || n, 'org' FROM generate_series(1, 2000) n;
INSERT INTO role_binding (org_id, binding_id, role, subject_kind, subject_id, scope_kind, scope_id)
SELECT 'default', 'c' || n, 'role ' || 1 + n % 100, 'team', 't' || 1 + n % 500, 'group', 'g' || n
FROM generate_series(1, 2000) n;
INSERT INTO invitation (org_id, invitation_id, token_hash, role, made_by, expires_at)
SELECT 'default', 'i' || n, sha256(n::text::bytea), 'VIEWER', 'u1', now() + interval '7 days'
FROM generate_series(1, 1000) n;
INSERT INTO certificate_authority (ca_id, certificate, private_key, expires_at)
VALUES ('ca', '', '', now() + interval '10 years') ON CONFLICT DO NOTHING;
INSERT INTO certificate (org_id, serial, device_id, ca_id, fingerprint, issued_at, expires_at,
                         ended_at)
SELECT 'default', 'c' || n, 'd' || n, 'ca', '', now() - n * interval '1 minute',
       now() + (90 * 1440 - n) * interval '1 minute', CASE WHEN n % 500 = 0 THEN now() END
FROM generate_series(1, 20000) n;
INSERT INTO enrollment_token (org_id, token_id, name, token_hash, made_by_kind, made_by,
                              made_by_name)
SELECT 'default', 't' || n, 't', sha256(('t' || n)::bytea), 'user', 'u1', 'u1'
FROM generate_series(1, 5000) n;
INSERT INTO enrollment_use (org_id, token_id, device_id, block)
SELECT 'default', 't' || 1 + n % 10, 'd' || n, '10.0.0.1' FROM generate_series(1, 20000) n;
INSERT INTO enrollment_request (org_id, request_id, device_id, proof, fingerprint, status)
SELECT 'default', 'd' || n, 'd' || n, sha256(('d' || n)::bytea), '',
       CASE WHEN n % 4 = 0 THEN 'pending' ELSE 'rejected' END FROM generate_series(1, 20000) n;
INSERT INTO approval (org_id, approval_id, kind, subject, device_ids, shown, call, request_hash,
                      rights, reason, status, asked_by_kind, asked_by, asked_by_name, asked_at,
                      expires_at, key_path, key, decided_at, done_at)
SELECT 'default', 'a' || n, 'command', 'c' || n, ARRAY['d' || n], '{}', '{}', '',
       '{}', 'approvals', CASE WHEN n % 40 = 0 THEN 'AWAITING' ELSE 'APPROVED' END, 'user', 'u1',
       'u1', now() - n * interval '1 minute', now() + interval '1 day' - n * interval '1 second',
       'path ' || n, 'key ' || n, now(), CASE WHEN n % 40 > 0 THEN now() END
FROM generate_series(1, 20000) n;
INSERT INTO byte_session (org_id, session_id, device_id, kind, params, owner_kind, owner_id,
                          credential, opened_by, status, created_at, expires_at, asked_at,
                          ended_at, recorded)
SELECT 'default', 'b' || n, 'd' || 1 + n % 5000, 'shell', '{}', 'user', 'u' || n % 2000, 's', 'u',
       CASE WHEN n <= 200 THEN 'OPEN' ELSE 'ENDED' END, now() - n * interval '1 minute',
       now() + interval '1 hour', now(), CASE WHEN n > 200 THEN now() END, true
FROM generate_series(1, 10000) n;
INSERT INTO byte_connection (org_id, session_id, name, device_id, asked_at, person_replica,
                             device_replica, person_at, device_at, ended_at)
SELECT org_id, session_id, '', device_id, now(), 'r1', 'r2', now(), now(), ended_at
FROM byte_session;
INSERT INTO recording_chunk (org_id, session_id, device_id, number, events)
SELECT org_id, session_id, device_id, k, '' FROM byte_session, generate_series(1, 2) k;
INSERT INTO capped_dispatch (org_id, sent_at, targets)
SELECT 'default', now() - n * interval '20 seconds', 3 FROM generate_series(1, 5000) n;
INSERT INTO user_session (org_id, session_id, user_id, expires_at)
SELECT 'default', 's' || n, 'u' || 1 + n % 2000, now() + interval '1 day'
FROM generate_series(1, 20000) n;
INSERT INTO refresh_token (token_hash, org_id, session_id, expires_at)
SELECT sha256(n::text::bytea), 'default', 's' || n, now() + interval '1 day'
FROM generate_series(1, 20000) n;
INSERT INTO api_key (org_id, key_id, user_id, name, role, key_hash, created_at)
SELECT 'default', 'k' || n, 'u' || 1 + n % 2000, 'key', 'ADMIN', sha256(n::text::bytea),
       now() - n * interval '1 hour' FROM generate_series(1, 4000) n;
INSERT INTO login_attempt (name, address, known, at)
SELECT 'someone-' || n % 100, '10.0.0.' || n % 250, false,
       now() - n * interval '1 second'
FROM generate_series(1, 5000) n;
INSERT INTO setting VALUES ('default', 'autoEnroll', 'true'),
    ('default', 'enrollment_key', '{"hash": "00", "sealed": "plain.k"}');
INSERT INTO revocation (org_id, kind, subject, lowest, highest)
SELECT 'default', 'device', 'd' || n, 1, 1 FROM generate_series(1, 10000) n;
INSERT INTO idempotency_key (org_id, path, key, request_hash, subject)
SELECT 'default', '/api/commands', 'i' || n, 'x', 'c' || n FROM generate_series(1, 20000) n
"""

_WORK: Final = """
INSERT INTO campaign (org_id, campaign_id, kind, subject, command, terms, status, created_by,
                      created_at, finished_at, closed_at)
SELECT 'default', 'p' || n, 'release', 'f' || n, '{"sha256": "x"}', '{"version": "2"}',
       CASE WHEN n = 1 THEN 'IN_PROGRESS' ELSE 'SUCCESS' END, 'someone',
       now() - n * interval '1 day', CASE WHEN n > 1 THEN now() END, CASE WHEN n > 1 THEN now() END
FROM generate_series(1, 200) n;
INSERT INTO campaign_device (org_id, campaign_id, position, device_id, wave, status, since,
                             finished_at)
SELECT 'default', 'p' || p, n, 'd' || n, 0,
       CASE WHEN p > 1 THEN CASE WHEN n % 100 = 0 THEN 'FAILED' ELSE 'SUCCESS' END
            WHEN n <= 50 THEN 'IN_PROGRESS' ELSE 'PENDING' END,
       now() - interval '1 hour', CASE WHEN p > 1 THEN now() - p * interval '1 day' END
FROM generate_series(1, 200) p, generate_series(1, 500) n;
INSERT INTO application (org_id, name, target, created_by, created_at)
SELECT 'default', 'a' || n, CASE WHEN n <= 5 THEN 'group = g1' END, 'someone',
       now() - n * interval '1 hour'
FROM generate_series(1, 200) n;
INSERT INTO application_revision (org_id, application, revision, sha256, pinned, compose,
                                  config_maps, secrets, data_bytes, services, hosts, variables,
                                  asks_for, created_by)
SELECT 'default', 'a' || a, 'r' || r, 's', true, '{"services":{"web":{"image":"i"}}}',
       jsonb_build_object('m' || a, 1), '{}', 10, 1, ARRAY['h' || a], '{SITE}', '{}', 'someone'
FROM generate_series(1, 200) a, generate_series(1, 20) r;
INSERT INTO config_map (org_id, name, created_by)
SELECT 'default', 'm' || n, 'someone' FROM generate_series(1, 200) n;
INSERT INTO config_map_version (org_id, name, version, size, hash, data)
SELECT 'default', 'm' || n, 1, 10, 'h', '{"a":"b"}' FROM generate_series(1, 200) n;
INSERT INTO registry (org_id, name, url, host, created_by)
SELECT 'default', 'r' || n, 'https://h' || n, 'h' || n, 'someone' FROM generate_series(1, 200) n;
INSERT INTO device_application (org_id, device_id, application, revision, by_hand)
SELECT org_id, device_id, 'a' || a, 'r7', false
FROM (SELECT *, substr(device_id, 2)::integer AS n FROM device WHERE org_id = 'default') d,
     unnest(ARRAY[1 + n % 100, 101 + n % 100]) AS a;
INSERT INTO device_variable (org_id, device_id, name, value)
SELECT org_id, device_id, 'SITE', 'one' FROM device WHERE org_id = 'default';
INSERT INTO device_workloads (org_id, device_id, version, changed_at)
SELECT org_id, device_id, 'v', now() - interval '1 hour' FROM device WHERE org_id = 'default';
INSERT INTO workload_report (org_id, device_id, application, version, services, hash, bare_hash,
                             observed_at)
SELECT org_id, device_id, application, 'v', '[{"service":"web"}]', 'h', 'b', now()
FROM device_application;
INSERT INTO schedule (org_id, schedule_id, name, cron, timezone, target, work, missed, overlap,
                      jitter_seconds, enabled, rights, owner_kind, owner_id, owner_name,
                      created_by, created_at)
SELECT 'default', 's' || n, 'nightly', '0 3 * * *', 'UTC', '{"groupId":"g1"}',
       '{"type":"command","command":{"type":"force_sync"}}', 'skip', 'skip', 0, true,
       '{commands/force_sync:create}', 'user', 'u1', 'someone', 'someone',
       now() - n * interval '1 hour'
FROM generate_series(1, 200) n;
INSERT INTO schedule_run (org_id, schedule_id, run_id, due, by_hand, revision, status, started_at,
                          finished_at, is_campaign, total, sent, counts)
SELECT 'default', 's' || 1 + n % 200, 'b' || n, now() - n * interval '1 minute', false, 1,
       CASE WHEN n <= 20 THEN 'RUNNING' ELSE 'DONE' END, now(),
       CASE WHEN n > 20 THEN now() - n * interval '1 minute' END, false, 10, 10, '{}'
FROM generate_series(1, 100000) n;
INSERT INTO alert_rule (org_id, rule_id, name, query, condition, for_seconds, severity, owner_kind,
                        owner_id, owner_name, created_by, created_at)
SELECT 'default', 'r' || n, 'rule ' || n, 'label.hall = "7"', '{"offline": true}', 60, 'WARN',
       'user', 'u1', 'someone', 'someone', now() - n * interval '1 hour'
FROM generate_series(1, 200) n;
INSERT INTO alert (org_id, alert_id, rule_id, rule_version, device_id, code, severity, message,
                   first_at, last_at, resolved_at, resolved_because)
SELECT 'default', 'a' || n, CASE WHEN n % 2 = 0 THEN 'r' || 1 + n / 2 % 200 END,
       CASE WHEN n % 2 = 0 THEN 1 END, 'd' || 1 + n % 5000, 'code ' || n, 'WARN', 'a message',
       at, at, CASE WHEN n > 2000 THEN at END, CASE WHEN n > 2000 THEN 'cleared' END
FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(1, 50000) n) a;
INSERT INTO alert_watch (org_id, rule_id, device_id, matched_at)
SELECT 'default', 'r' || 1 + n % 200, 'd' || 1 + n % 5000, now() FROM generate_series(1, 20000) n
ON CONFLICT DO NOTHING;
INSERT INTO notification_channel (org_id, channel_id, name, kind, group_seconds, repeat_minutes,
                                  created_by, created_at)
SELECT 'default', 'c' || n, 'channel ' || n, 'webhook', 60, 60, 'someone',
       now() - n * interval '1 hour' FROM generate_series(1, 50) n;
INSERT INTO notification (org_id, channel_id, alert_id)
SELECT 'default', 'c' || 1 + n % 50, 'a' || n FROM generate_series(1, 5000) n;
INSERT INTO silence (org_id, silence_id, query, until, comment, owner_kind, owner_id, created_by,
                     created_at)
SELECT 'default', 's' || n, 'has label.x', now(), 'c', 'user', 'u1', 'someone',
       now() - n * interval '1 hour' FROM generate_series(1, 50) n;
INSERT INTO webhook (org_id, webhook_id, name, url, header_names, sealed, enabled, owner_kind,
                     owner_id, owner_name, created_by, created_at)
SELECT 'default', 'w' || n, 'hook', 'https://example.org', '{}', repeat('s', 300), true, 'user',
       'u1', 'someone', 'someone', now() - n * interval '1 hour'
FROM generate_series(1, 50) n;
INSERT INTO webhook_event (org_id, webhook_id, device_id, size, restricted, body)
SELECT 'default', 'w' || 1 + n % 50, 'd' || n % 1000, 300, false, repeat('b', 300)
FROM generate_series(1, 50000) n;
INSERT INTO webhook_delivery (org_id, webhook_id, delivery_id, created_at, count, device_ids,
                              cleared_ids, tells_gap, body)
SELECT 'default', 'w' || 1 + n % 50, 'd' || n, now() - n * interval '1 second', 10, '{d1,d2}',
       '{}', false, repeat('b', 3000)
FROM generate_series(1, 50000) n;
INSERT INTO firmware_key (org_id, key_id, name, public_key, created_by)
SELECT 'default', 'k' || n, 'key', 'p' || n, 'someone' FROM generate_series(1, 20) n;
INSERT INTO firmware_release (org_id, release_id, version, channel, filename, size, sha256,
                              created_by, created_at)
SELECT 'default', 'f' || n, n::text, 'stable', 'file', 1, 'x' || n, 'someone',
       now() - n * interval '1 hour'
FROM generate_series(1, 2000) n;
INSERT INTO aggregated (org_id, record_id, kind, company_id, device_id, ts, data, digest)
SELECT 'default', 'a' || n, (ARRAY['bottle', 'batch', 'pallet'])[1 + n % 3], 'company-' || n % 20,
       'd' || 1 + n % 5000, now(), '{}', 'x' FROM generate_series(1, 60000) n;
INSERT INTO cloud_sync_queue (org_id, record_id, company_id, kind, status, device_id, finished_at)
SELECT org_id, record_id, company_id, kind, s, device_id, CASE WHEN s <> 'pending' THEN now() END
FROM (SELECT *, CASE substr(record_id, 2)::integer % 100 WHEN 0 THEN 'dead' WHEN 1 THEN 'pending'
                ELSE 'done' END AS s FROM aggregated) a;
INSERT INTO job (kind, org_id, key)
SELECT 'cloud_lane', 'default', 'company-' || n FROM generate_series(0, 19) n;
INSERT INTO config_schema (org_id, schema, updated_by) VALUES ('default', '{}', 'someone');
INSERT INTO rollup_mark SELECT org_id, now() - interval '2 minutes' FROM org
"""


async def fill(owner: Database, *, analysed: bool = True) -> None:
    """By who owns the tables; in no more than a minute."""
    async with owner.connection(deadline=120) as connection:
        await connection.execute(_PARTITIONS)
        for script in (_FLEET, _ACCOUNTS):
            await connection.execute(script.replace("$$devices", str(DEVICES)))
        for table, rows in ROWS.items():
            history = _OF.replace("$$rows", str(rows)).replace("$$age", _AGES[table])
            await connection.execute(history.replace("$$devices", str(DEVICES)) + _HISTORY[table])
        await connection.execute(_WORK)
        await connection.execute(_SEALED)
        if analysed:
            await connection.execute("VACUUM ANALYZE")
