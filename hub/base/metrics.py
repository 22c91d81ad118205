"""What `/metrics` shows. Labels are bounded: never a device, a user or a command id.

`docs/operations.md` says what each of these means and when to worry.
"""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300)

lines = Gauge("longline_lines", "Devices on a line of this replica", registry=REGISTRY)
dashboards = Gauge("longline_dashboards", "Dashboard sockets of this replica", registry=REGISTRY)
event_streams = Gauge(
    "longline_event_streams", "Streams of server-sent events of this replica", registry=REGISTRY
)
registrations = Counter(
    "longline_lines_opened_total", "Lines registered by this replica", registry=REGISTRY
)
lines_closed = Counter(
    "longline_lines_closed_total", "Lines that ended, by close code", ["code"], registry=REGISTRY
)
refused_sockets = Counter(
    "longline_sockets_refused_total",
    "Sockets refused before they opened, by HTTP status",
    ["status"],
    registry=REGISTRY,
)
invalid_frames = Counter(
    "longline_invalid_frames_total", "Frames that did not decode", ["socket"], registry=REGISTRY
)

sessions = Gauge("longline_sessions", "Sessions with a socket of this replica", registry=REGISTRY)
sessions_ended = Counter(
    "longline_sessions_ended_total", "Sessions ended here, by reason", ["reason"], registry=REGISTRY
)

commands_accepted = Counter(
    "longline_commands_accepted_total", "Commands committed, by type", ["type"], registry=REGISTRY
)
commands_ended = Counter(
    "longline_commands_ended_total",
    "Commands ended, by type and final state",
    ["type", "status"],
    registry=REGISTRY,
)
command_seconds = Histogram(
    "longline_command_seconds",
    "From acceptance to the end, by type",
    ["type"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
batch_size = Histogram(
    "longline_batch_items",
    "Items in one group commit",
    ["batch"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000),
    registry=REGISTRY,
)
batch_seconds = Histogram(
    "longline_batch_seconds",
    "How long a group commit took",
    ["batch"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
queue_depth = Gauge(
    "longline_queue_items", "Items waiting in a bounded queue", ["queue"], registry=REGISTRY
)

lines_held = Gauge(
    "longline_lines_held", "Lines not read until the database has taken rows", registry=REGISTRY
)

events_received = Counter(
    "longline_events_received_total",
    "Events accepted from devices, by type",
    ["type"],
    registry=REGISTRY,
)
events_stored = Counter("longline_events_stored_total", "Events committed", registry=REGISTRY)
events_duplicate = Counter(
    "longline_events_duplicate_total", "Durable events that were stored already", registry=REGISTRY
)
events_shed = Counter(
    "longline_events_shed_total",
    "Events dropped, by full queue or reason",
    ["reason"],
    registry=REGISTRY,
)
edge_records = Counter(
    "longline_edge_records_total",
    "Records uploaded by devices, by outcome",
    ["outcome"],
    registry=REGISTRY,
)
cloud_records = Counter(
    "longline_cloud_records_total",
    "Records that left the cloud queue, by outcome",
    ["outcome"],
    registry=REGISTRY,
)
cloud_failures = Counter(
    "longline_cloud_failures_total",
    "Requests to the cloud to be retried",
    registry=REGISTRY,
)
stream_offset = Gauge(
    "longline_stream_offset",
    "Offset of the last event that this replica appended",
    registry=REGISTRY,
)
stream_failures = Counter(
    "longline_stream_failures_total", "Appends that Redis did not accept at once", registry=REGISTRY
)
sweep_seconds = Histogram(
    "longline_sweep_seconds", "How long a sweep took", buckets=_SECONDS, registry=REGISTRY
)
jobs_held = Gauge(
    "longline_jobs_held", "Jobs that this replica holds, by kind", ["kind"], registry=REGISTRY
)
job_runs = Counter(
    "longline_job_runs_total",
    "Runs of jobs, by kind and outcome",
    ["kind", "outcome"],
    registry=REGISTRY,
)
job_late_seconds = Histogram(
    "longline_job_late_seconds",
    "From the moment a job was due until a replica took it, by kind",
    ["kind"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
schedules = Gauge(
    "longline_schedules",
    "Schedules, by status (of all replicas together)",
    ["status"],
    registry=REGISTRY,
)
schedule_runs = Counter(
    "longline_schedule_runs_total",
    "Runs of schedules, by how they ended",
    ["status"],
    registry=REGISTRY,
)
alerts = Counter(
    "longline_alerts_total",
    "Alerts, by what became of them",
    ["outcome"],
    registry=REGISTRY,
)
notifications = Counter(
    "longline_notifications_total",
    "Attempts to tell people of alerts, by outcome",
    ["outcome"],
    registry=REGISTRY,
)
rule_sweep_seconds = Histogram(
    "longline_rule_sweep_seconds",
    "How long a look at the rules by time took",
    buckets=_SECONDS,
    registry=REGISTRY,
)
webhook_events = Counter(
    "longline_webhook_events_total",
    "Events of webhooks, by what became of them",
    ["outcome"],
    registry=REGISTRY,
)
webhook_deliveries = Counter(
    "longline_webhook_deliveries_total",
    "Attempts to deliver to webhooks, by outcome",
    ["outcome"],
    registry=REGISTRY,
)
webhook_seconds = Histogram(
    "longline_webhook_seconds",
    "How long attempts to deliver to webhooks took",
    buckets=_SECONDS,
    registry=REGISTRY,
)
requests = Counter(
    "longline_http_requests_total",
    "HTTP requests, by route, method and status",
    ["route", "method", "status"],
    registry=REGISTRY,
)
requests_limited = Counter(
    "longline_http_requests_limited_total",
    "HTTP requests refused because a limit was used up, by the limit's name",
    ["limit"],
    registry=REGISTRY,
)
request_seconds = Histogram(
    "longline_http_request_seconds",
    "How long requests took, by route",
    ["route"],
    buckets=_SECONDS,
    registry=REGISTRY,
)

for _hot in (
    commands_accepted, commands_ended, command_seconds, batch_size, batch_seconds, events_received,
    requests, request_seconds,
):  # fmt: skip
    # The library makes a tuple and takes a lock whenever a child is asked for.
    _hot.labels = cache(_hot.labels)  # pyright: ignore[reportAttributeAccessIssue]


def exposition() -> bytes:
    """The text format that Prometheus scrapes."""
    return generate_latest(REGISTRY)
