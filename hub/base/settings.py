"""Every setting of the hub: the one place that reads the environment.

Each field of `Settings` is the variable `LONGLINE_<NAME>`; an unknown `LONGLINE_*` variable is an
error, because a misspelt one would silently do nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from hub.base.errors import ConfigurationError
from hub.base.retention import AuditDays, Days, Hours
from protocol.commands import Danger

PREFIX: Final = "LONGLINE_"
AGENT_VARIABLES: Final = frozenset(
    PREFIX + name
    for name in (
        "HUB_URL",
        "CERTIFICATE_HUB",
        "DEVICE_ID",
        "STATE_DIR",
        "ENROLLMENT_KEY",
        "ENROLLMENT_KEY_FILE",
        "SOCKET",
        "VERSIONS_DIR",
        "POWER_SUDO",
        "SESSION",
        "TOKEN",
    )
)
"""Read by `longline device`, `emit` and `firmware`, which may share the environment with a hub."""

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
NoneOrPort = Annotated[int, Meta(ge=0, le=65535)] | None
NoneOrHours = Hours | None
NoneOrDays = Days | None
NoneOrAuditDays = AuditDays | None


def _doc(text: str) -> Meta:
    return Meta(description=text)


def _keep(what: str) -> Meta:
    return _doc(f"Retention of {what}; overrides the stored setting.")


class Settings(Struct, frozen=True, kw_only=True):
    """All of it, with the defaults of one box. Switches are `on` or `off`; lists are separated by
    commas."""

    database_url: Annotated[
        str, _doc("Postgres, e.g. postgresql://longline@db/longline. Set by `longline up` itself.")
    ] = ""
    redis_url: Annotated[
        str, _doc("Redis or Valkey, e.g. redis://cache:6379/0. Set by `longline up` itself.")
    ] = ""
    host: Annotated[str, _doc("The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535), _doc("The port; 0 takes a free one.")] = 8080
    data_dir: Annotated[
        str,
        _doc("Where firmware artifacts are kept (replicas share it), and all of `longline up`."),
    ] = "longline-data"
    master_key_file: Annotated[
        str,
        _doc(
            "File of the master key, under which the secrets in the database lie; mode 0600. "
            "Without it: master-key in LONGLINE_DATA_DIR, where there is one. `longline up` makes "
            "that."
        ),
    ] = ""
    tls_cert: Annotated[str, _doc("PEM file of the certificate chain.")] = ""
    tls_key: Annotated[str, _doc("PEM file of the certificate's private key.")] = ""
    device_port: Annotated[
        NoneOrPort,
        _doc("The port of the device listener, where a client certificate is required; none = no."),
    ] = None
    device_certificates: Annotated[
        Literal["optional", "required"],
        _doc("required: without a certificate a device may do nothing but enrol."),
    ] = "optional"
    certificate_seconds: Annotated[
        int, Meta(ge=5, le=90 * 86_400), _doc("Life of a device's certificate.")
    ] = 90 * 86_400
    insecure: Annotated[bool, _doc("Allows an address that others can reach, without TLS.")] = False
    trusted_proxies: Annotated[
        list[str], _doc("Addresses or networks of proxies whose X-Forwarded-For and -Proto count.")
    ] = []
    public_url: Annotated[
        list[str],
        _doc(
            "Where people reach the hub, e.g. https://hub.example.org or https://example.org/hub; "
            "links are made of the first. `longline up` without it: http://localhost and the port."
        ),
    ] = []
    allowed_origins: Annotated[
        list[str],
        _doc("Origins besides the hub's own whose pages may use the API and dashboard sockets."),
    ] = []
    keep_alive_seconds: Annotated[
        Positive,
        _doc("How long an idle HTTP connection is kept: longer than the balancer keeps its own."),
    ] = 75
    query_tokens: Annotated[bool, _doc("Whether ?token= is accepted on sockets.")] = True
    auto_enroll: Annotated[
        bool | None,
        _doc("Whether unknown devices are registered; overrides the stored setting."),
    ] = None
    user_token_seconds: Annotated[Positive, _doc("Life of a user's access token.")] = 900
    refresh_token_seconds: Annotated[Positive, _doc("Life of an unused session.")] = 14 * 86_400
    device_token_seconds: Annotated[Positive, _doc("Life of a device's token.")] = 30 * 86_400
    device_frame_rate: Annotated[
        NotNegative, _doc("Frames per second that a device may send continuously; 0 = no limit.")
    ] = 1000
    device_byte_rate: Annotated[
        NotNegative, _doc("Bytes per second that a device may send continuously; 0 = no limit.")
    ] = 4 * 2**20
    device_day_bytes: Annotated[
        NotNegative, _doc("Bytes a day that are stored of what a device sends; 0 = no limit.")
    ] = 200 * 2**20
    request_rate: Annotated[
        NotNegative,
        _doc(
            "Requests a second of a user or API key, dispatching commands apart; 0 = no limit. "
            "As many may come at once."
        ),
    ] = 400
    command_rate: Annotated[
        NotNegative,
        _doc("Commands a second that a user or API key may dispatch; 0 = no limit."),
    ] = 5000
    org_request_rate: Annotated[
        NotNegative,
        _doc("Requests a second of an organisation, all its users and API keys; 0 = no limit."),
    ] = 4000
    org_command_rate: Annotated[
        NotNegative,
        _doc("Commands a second that an organisation may dispatch; 0 = no limit."),
    ] = 20_000
    address_rate: Annotated[
        NotNegative,
        _doc(
            "Requests a second from an address (IPv6: a /64) without a good credential; 0 = no "
            "limit. Four times as many may come at once."
        ),
    ] = 200
    enrollment_rate: Annotated[
        NotNegative,
        _doc("New devices a minute from an address by the enrolment key; 0 = no limit."),
    ] = 1000
    database_connections: Annotated[Positive, _doc("Connections to Postgres per replica.")] = 10
    ca_file: Annotated[
        str, _doc("PEM file of certificates that the hub trusts beside the system's.")
    ] = ""
    proxy: Annotated[
        str, _doc("Proxy on the hub's way out (to the cloud): http://[user:password@]host:port.")
    ] = ""
    no_proxy: Annotated[
        list[str], _doc("Hosts, domains and networks that are reached without the proxy.")
    ] = []
    webhook_allow: Annotated[
        list[str],
        _doc(
            "Hosts, addresses and networks that webhooks and those who sign people in may be at "
            "though they are loopback or private, or are reached by http."
        ),
    ] = []
    smtp_url: Annotated[
        str,
        _doc("Mail server for channels by e-mail: smtp[s]://[user:password@]host[:port]."),
    ] = ""
    smtp_from: Annotated[str, _doc("The address that mails come from.")] = ""
    registries: Annotated[
        list[str],
        _doc(
            "Registries that the hub asks for the digests of images, each `[http://]host[:port]`; "
            "naming one allows its address, and `http://` that it is asked in clear."
        ),
    ] = []
    metrics_token: Annotated[str, _doc("When set, /metrics requires it as a bearer token.")] = ""
    firmware_max_bytes: Annotated[Positive, _doc("The largest accepted artifact.")] = 2**30
    firmware_total_bytes: Annotated[
        Positive, _doc("Most bytes of all artifacts together; above it an upload answers 507.")
    ] = 2**36
    updates_dir: Annotated[
        str,
        _doc(
            "A repository of `longline firmware repo`, served at /updates/ to anybody; none = no."
        ),
    ] = ""
    cloud_url: Annotated[
        str, _doc("The cloud's API, to which records of production are pushed; none = they wait.")
    ] = ""
    cloud_token: Annotated[str, _doc("Bearer token for the cloud, when it is a static one.")] = ""
    cloud_token_url: Annotated[
        str, _doc("Where tokens for the cloud are fetched (OAuth 2.0 client credentials).")
    ] = ""
    cloud_client_id: Annotated[str, _doc("The client's id there.")] = ""
    cloud_client_secret: Annotated[str, _doc("The client's secret there.")] = ""
    cloud_insecure: Annotated[
        bool, _doc("Allows a cloud on another machine by http, where what is sent can be read.")
    ] = False
    cloud_queue_max: Annotated[
        Positive, _doc("Most records that wait for the cloud; above it /sync answers 503.")
    ] = 1_000_000
    keep_raw_hours: Annotated[NoneOrHours, _keep("raw status and other events, in hours")] = None
    keep_log_days: Annotated[NoneOrDays, _keep("log lines, in days")] = None
    keep_metric_days: Annotated[NoneOrDays, _keep("metric roll-ups, in days")] = None
    keep_command_days: Annotated[NoneOrDays, _keep("ended commands, in days")] = None
    keep_audit_days: Annotated[NoneOrAuditDays, _keep("the audit log, in days")] = None
    keep_edge_days: Annotated[
        NoneOrDays, _keep("records of production, and of dead letters, in days")
    ] = None
    keep_cloud_days: Annotated[
        NoneOrDays, _keep("what the cloud has, in the queue to it, in days")
    ] = None
    own_command_danger: Annotated[
        Danger,
        _doc("The least danger of devices' own commands: no, medium or yes. Each says its own."),
    ] = Danger.NO
    stream_events: Annotated[Positive, _doc("Events that dashboards can recover.")] = 50_000
    stream_seconds: Annotated[Positive, _doc("Age of events that dashboards can recover.")] = 600
    audit_anchor: Annotated[
        str,
        _doc(
            "Where the head of the audit's chain is written again and again, outside of the "
            "database: file:<path>."
        ),
    ] = ""
    drain_seconds: Annotated[
        NotNegative, _doc("How long a stopping replica takes to move its devices to others.")
    ] = 15
    native: Annotated[
        bool, _doc("Use the compiled hot path, where there is one; off takes the Python.")
    ] = True
    """For the list only: `protocol.native` reads it, at the import."""
    log_format: Annotated[str, Meta(pattern="^(json|console)$"), _doc("json or console.")] = "json"
    log_level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$"), _doc("debug, info, warning or error.")
    ] = "info"


def variables() -> list[tuple[str, str, str]]:
    """(variable, default as text, description) of every setting, for the help and the docs."""
    info = {field.name: field for field in msgspec.structs.fields(Settings)}
    hints = get_type_hints(Settings, include_extras=True)
    return [
        (PREFIX + name.upper(), _as_text(info[name].default, info[name]), _description(hint))
        for name, hint in hints.items()
    ]


def read(environ: Mapping[str, str], **overrides: object) -> Settings:
    """The settings of this process; `overrides` are those given as flags (None = not given).

    Raises `ConfigurationError` for an unknown variable or a value that does not fit.
    """
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in AGENT_VARIABLES:
            continue
        if name not in hints:
            raise ConfigurationError(
                f"{variable} is not a setting of the hub (see longline hub --help)"
            )
        values[name] = _parse(variable, text, hints[name])
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explain(error)) from None


def _parse(variable: str, text: str, kind: Any) -> object:
    if kind in (bool, bool | None):
        switches = {"on": True, "off": False}
        if text.lower() not in switches:
            raise ConfigurationError(f"{variable} must be on or off, not {text!r}")
        return switches[text.lower()]
    if kind in (int, int | None):
        try:
            return int(text)
        except ValueError:
            raise ConfigurationError(f"{variable} must be a whole number, not {text!r}") from None
    if kind == list[str]:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _explain(error: msgspec.ValidationError) -> str:
    message, _, path = str(error).partition(" - at `$.")
    return f"{PREFIX}{path.rstrip('`').upper()}: {message}"


def _as_text(default: object, field: msgspec.structs.FieldInfo) -> str:
    if default is msgspec.NODEFAULT:  # lists have a factory
        default = field.default_factory() if callable(field.default_factory) else None
    match default:
        case None | "" | []:
            return "none"
        case bool():
            return "on" if default else "off"
        case _:
            return str(default)


def _description(hint: Any) -> str:
    return next(
        part.description
        for part in reversed(get_args(hint))
        if isinstance(part, Meta) and part.description
    )
