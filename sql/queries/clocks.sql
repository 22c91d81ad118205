-- name: now
-- By the database's clock.
SELECT clock_timestamp()

-- name: commands
-- What waits was accepted or sent in the future: it was now, and its waits keep their lengths.
UPDATE command
SET created_at = least(created_at, now()),
    sent_at = CASE WHEN sent_at > now() THEN now() ELSE sent_at END,
    deadline = CASE WHEN deadline > now() + timeout_ms * interval '1 millisecond'
                    THEN now() + timeout_ms * interval '1 millisecond' ELSE deadline END,
    expires_at = CASE WHEN created_at > now() THEN now() + (expires_at - created_at)
                      ELSE expires_at END
WHERE finished_at IS NULL AND greatest(created_at, sent_at) > now() + interval '5 seconds'

-- name: campaigns
-- Waves that began in the future.
UPDATE campaign SET wave_since = now()
WHERE closed_at IS NULL AND wave_since > now() + interval '5 seconds'

-- name: targets
-- Targets whose phase began in the future.
UPDATE campaign_device
SET since = least(since, now()),
    started_at = CASE WHEN started_at > now() THEN now() ELSE started_at END,
    steady_since = CASE WHEN steady_since > now() THEN now() ELSE steady_since END
WHERE finished_at IS NULL
  AND greatest(since, started_at, steady_since) > now() + interval '5 seconds'

-- name: jobs
-- Jobs whose wait began in the future: they are due now. A moment of the calendar stays what it is.
UPDATE job SET next_run = now(), wait = '0', last_run = least(last_run, now())
WHERE next_run > now() + wait + interval '5 seconds'

-- name: lines
-- Lines that opened in the future.
UPDATE device_line SET connected_at = now()
WHERE closed_at IS NULL AND connected_at > now() + interval '5 seconds'

-- name: seen
-- Devices that were heard of in the future.
UPDATE device_state SET last_seen = now() WHERE last_seen > now() + interval '5 seconds'

-- name: sections
-- Sections that changed in the future.
UPDATE device_section SET changed_at = now() WHERE changed_at > now() + interval '5 seconds'

-- name: configurations
-- Configurations that changed in the future.
UPDATE device_config SET changed_at = now() WHERE changed_at > now() + interval '5 seconds'

-- name: schedule_runs
-- Runs of schedules that began in the future.
UPDATE schedule_run SET started_at = now() WHERE status = 'RUNNING' AND started_at > now() + interval '5 seconds'
