"""The agent's settings: a TOML file, `LONGLINE_*` variables over it, flags over both.

| key of the file | variable | default |
|---|---|---|
| `hub` | `LONGLINE_HUB_URL` | required |
| `certificate_hub` | `LONGLINE_CERTIFICATE_HUB` | none: the device shows a token alone |
| `id` | `LONGLINE_DEVICE_ID` | the host name |
| `state_dir` | `LONGLINE_STATE_DIR` | `$XDG_STATE_HOME/longline/<id>` |
| `enrollment_key_file` | `LONGLINE_ENROLLMENT_KEY_FILE` | what `LONGLINE_ENROLLMENT_KEY` holds |
| `versions_dir` | `LONGLINE_VERSIONS_DIR` | none; `longline launch` sets it |
| `tls.ca_file` | `LONGLINE_CA_FILE` | the system's store alone |
| `proxy`, `no_proxy` | `LONGLINE_PROXY`, `LONGLINE_NO_PROXY` (with commas) | none |
| `power` | `LONGLINE_POWER_SUDO=on`: by sudo, unless the file says how | `systemctl` |

The other keys are the fields of `Settings`. This is the only module of the agent that reads the
environment. Secrets come from a file or a variable, never from the command line.
"""

import base64
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, structs

from cloud import outward
from cloud.access import Access, problem_of
from cloud.outward import Outward
from device.base.broker_settings import (
    MOST_PROXIES,
    AgentName,
    BrokerSettings,
    CaddySettings,
    ForwardProxy,
)
from device.base.broker_settings import problem_of as problem_of_broker
from device.base.errors import BadSettings
from device.base.installers import InstallerSettings
from device.base.installers import problem_of as problem_of_installers
from device.base.own_commands import (
    BadOwnCommand,
    OwnSettings,
    check_commands,
    misshapen_command,
)
from device.base.session_settings import SessionsSettings
from device.base.shell_templates import BUILT_IN, BadTemplate, Template, check, misshapen
from device.base.signed_settings import SignedSettings
from device.base.signed_settings import problem_of as problem_of_signed
from device.base.socket_path import default_socket
from device.base.workload_settings import WorkloadSettings
from device.base.workload_settings import problem_of as problem_of_workloads
from protocol.commands import AGENT_TYPE, Level
from protocol.frames import HUB
from protocol.ids import DEVICE_ID_RULE, is_device_id
from protocol.telemetry import MOST_AGENTS

ContainerName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$(?!\n)")]
Argv = Annotated[tuple[str, ...], Meta(min_length=1)]

VARIABLES: Final = {
    "hub": "LONGLINE_HUB_URL",
    "certificate_hub": "LONGLINE_CERTIFICATE_HUB",
    "id": "LONGLINE_DEVICE_ID",
    "state_dir": "LONGLINE_STATE_DIR",
    "enrollment_key_file": "LONGLINE_ENROLLMENT_KEY_FILE",
    "versions_dir": "LONGLINE_VERSIONS_DIR",
    "proxy": "LONGLINE_PROXY",
}
CA_FILE_VARIABLE: Final = "LONGLINE_CA_FILE"
SUDO_VARIABLE: Final = "LONGLINE_POWER_SUDO"
BY_SUDO: Final = {
    "reboot_argv": ("sudo", "-n", "/usr/bin/systemctl", "reboot"),
    "shutdown_argv": ("sudo", "-n", "/usr/bin/systemctl", "poweroff"),
}
"""Word by word what the sudoers file of longline-agent-sudo allows."""
NO_PROXY_VARIABLE: Final = "LONGLINE_NO_PROXY"
CLOUD_VARIABLE: Final = "LONGLINE_CLOUD_"
KEY_VARIABLE: Final = "LONGLINE_ENROLLMENT_KEY"
PUBLIC_KEY_BYTES: Final = 32
MOST_HOOKS: Final = 32

HookSection = Literal["config", "production", "mode", "versions"]


class SettingsPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class PowerSettings(SettingsPart, frozen=True):
    """What really restarts, reboots and switches off. A recording program makes them harmless."""

    restart_argv: Argv | None = None
    """Takes the place of the agent's process when it has stopped for `restart_service`. Without it
    the agent runs itself again, or with `supervised` exits 75."""
    reboot_argv: Argv = ("systemctl", "reboot")
    """As an unprivileged user this asks logind, which asks polkit."""
    shutdown_argv: Argv = ("systemctl", "poweroff")
    reboot_grace_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """How long after a successful `reboot_argv` this process may live before it is a failure."""
    os_boot_id_file: str = "/proc/sys/kernel/random/boot_id"


class MetricsSettings(SettingsPart, frozen=True):
    interval_seconds: Annotated[float, Meta(ge=1, le=3600)] = 15.0
    disk_path: str = "/"


class LogsSettings(SettingsPart, frozen=True):
    level: Level = "INFO"
    """Of the agent's own log."""
    default: str | None = None
    """The source of a `pull_logs` that names none; else the first that is there."""
    files: tuple[str, ...] = ()
    """Absolute paths that `file:<path>` may name."""
    containers: tuple[ContainerName, ...] = ()
    """Names that `container:<name>` may name. With none, the container engine is not asked."""


class FirmwareSettings(SettingsPart, frozen=True):
    staging_dir: str | None = None
    """Default: `firmware` in the state directory."""
    max_bytes: int = 2 * 1024**3
    trusted_keys: tuple[str, ...] = ()
    """Ed25519 public keys, 32 bytes in base64. With any, only what one of them signed is taken."""
    floor: str | dict[str, str] = {}
    """The lowest version that is taken, whatever the hub says: of the agent, or by type."""
    prefer_package: bool = False
    """A package of the system is taken even where a newer version was confirmed in a slot."""
    stage_only: bool = False
    """Something else takes staged artifacts into use: what has no installer here is only staged,
    and the hub is not told what is installed here."""
    confirm_seconds: Annotated[float, Meta(gt=0)] = 300.0
    """How long a new version may take to reach the hub before the one before comes back."""
    healthy_seconds: Annotated[float, Meta(ge=0)] = 5.0
    """How long a line must stand to prove a new version."""

    @property
    def floors(self) -> dict[str, str]:
        """By type."""
        return {AGENT_TYPE: self.floor} if isinstance(self.floor, str) else self.floor


TimeOfDay = r"([01]\d|2[0-3]):[0-5]\d"


class UpdateSettings(SettingsPart, frozen=True):
    """Who decides which versions this device has."""

    source: str = HUB
    """`hub`, or the address of a repository where the agent looks by itself."""
    channel: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$(?!\n)")] = "stable"
    interval: Annotated[float, Meta(ge=1, le=7 * 86_400)] = 3600.0
    """Seconds between two looks."""
    window: Annotated[str, Meta(pattern=rf"^{TimeOfDay}-{TimeOfDay}$(?!\n)")] | None = None
    """When it looks and updates, as `22:00-05:30` of the device's local time; default: always."""
    verify: Literal["tuf", "sha256"] = "tuf"
    """`sha256`: the source is not signed as a whole, but each artifact is by a trusted key."""
    root_file: str | None = None
    """The root of trust of a TUF repository, as `longline firmware repo init` wrote it."""


class ContainersSettings(SettingsPart, frozen=True):
    socket: str | None = None
    """Path of the engine's unix socket. None = Docker's usual one, when it is there."""


class OutboxSettings(SettingsPart, frozen=True):
    max_events: Annotated[int, Meta(ge=100, le=10_000_000)] = 50_000
    max_bytes: Annotated[int, Meta(ge=1024 * 1024)] = 64 * 1024 * 1024


class RecordsSettings(SettingsPart, frozen=True):
    """Records of production that wait to be sent, and where files of them are dropped."""

    max_records: Annotated[int, Meta(ge=100, le=10_000_000)] = 200_000
    max_bytes: Annotated[int, Meta(ge=1024 * 1024)] = 256 * 1024 * 1024
    drop_dir: str | None = None
    """Default: `drop` in the state directory."""


class TlsSettings(SettingsPart, frozen=True):
    """Whose certificates are trusted, by everything that speaks TLS."""

    ca_file: str = ""
    """A PEM file of more certificates than those of the system (or of `SSL_CERT_FILE`)."""
    use_system_store: bool = True


class CloudSettings(SettingsPart, frozen=True):
    """For DIRECT_CLOUD. The variables are the hub's: `LONGLINE_CLOUD_URL` and so on."""

    url: str = ""
    ca_file: str = ""
    """In place of `tls.ca_file`."""
    token_file: str | None = None
    token_url: str = ""
    client_id: str = ""
    client_secret_file: str | None = None


Pushable = Literal["metrics", "logs", "outbox", "queue", "hub", "tls", "proxy"]


class ConfigSettings(SettingsPart, frozen=True):
    """What the hub may push, and how a change proves itself."""

    pushable: tuple[Pushable, ...] = ("metrics", "logs", "outbox", "queue")
    """Of the agent's own settings. The last three of all can cut the line to the hub."""
    health_argv: Argv | None = None
    """Ends with 0 when the device is well with a change; the state is on its standard input."""
    health_seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """How long one run of it may take."""
    confirm_seconds: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    """How long a change on trial may take to prove itself before it is undone, unless the command
    says."""


class LocalAgent(SettingsPart, frozen=True):
    """A program of the device that reports whether it is ready."""

    name: AgentName
    required: bool = False
    """While it is not ready, the device is DEGRADED."""
    user: str | None = None
    """The user who alone may speak for it; default: whoever reaches the socket."""


class Hook(SettingsPart, frozen=True):
    """A program that is run after a change, with the `state` line on standard input."""

    on: Annotated[frozenset[HookSection], Meta(min_length=1)]
    argv: Argv
    timeout_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0


class ShellSettings(SettingsPart, frozen=True):
    templates: dict[str, Template] = {}


class Settings(SettingsPart, frozen=True):
    hub: str
    id: str
    state_dir: str
    socket: str
    """Of the local programs; default: `agent.sock` in the state directory, or, where that path is
    longer than a socket's may be, `$XDG_RUNTIME_DIR/longline-<hash>.sock`."""
    certificate_hub: str = ""
    """URL of the hub's device listener, `https://…`: the device gets a certificate and shows it
    there. `hub` is where it enrols."""
    name: str | None = None
    company_id: str | None = None
    production_line_id: str | None = None
    enrollment_key_file: str | None = None
    socket_mode: Annotated[str, Meta(pattern=r"^0?6[06]0$")] = "0660"
    socket_group: str = "longline-local"
    """Of the socket, the drop folder and the applied configuration."""
    agents: Annotated[tuple[LocalAgent, ...], Meta(max_length=MOST_AGENTS)] = ()
    hooks: Annotated[tuple[Hook, ...], Meta(max_length=MOST_HOOKS)] = ()
    versions_dir: str | None = None
    """Where `longline launch` finds versions of the agent. Without it updates are only staged."""
    proxy: str = ""
    """`http://[user:password@]host:port`, on the way to the hub and the cloud."""
    no_proxy: tuple[str, ...] = ()
    """Hosts that are reached without it."""
    insecure: bool = False
    """A hub or cloud on another machine may be reached by `http`, where what is sent is read."""
    tls: TlsSettings = TlsSettings()
    supervised: bool = False
    """Something starts the agent again when it exits 75."""
    power: PowerSettings = PowerSettings()
    metrics: MetricsSettings = MetricsSettings()
    logs: LogsSettings = LogsSettings()
    firmware: FirmwareSettings = FirmwareSettings()
    installers: dict[str, InstallerSettings] = {}
    """What installs software that is not the agent, by type."""
    update: UpdateSettings = UpdateSettings()
    containers: ContainersSettings = ContainersSettings()
    outbox: OutboxSettings = OutboxSettings()
    records: RecordsSettings = RecordsSettings()
    cloud: CloudSettings = CloudSettings()
    config: ConfigSettings = ConfigSettings()
    shell: ShellSettings = ShellSettings()
    commands: OwnSettings = {}
    """The device's own, by name."""
    signed_commands: SignedSettings | None = None
    """What runs only when a person has signed it; absent: nobody looks at a signature."""
    broker: BrokerSettings | None = None
    """Tokens for the programs of this device; absent: off."""
    sessions: SessionsSettings = SessionsSettings()
    """What a person may open from afar."""
    forward_proxy: Annotated[tuple[ForwardProxy, ...], Meta(max_length=MOST_PROXIES)] = ()
    caddy: CaddySettings = CaddySettings()
    workloads: WorkloadSettings | None = None
    """Applications in containers; absent: none."""

    @property
    def has_workloads(self) -> bool:
        return self.workloads is not None and bool(self.workloads.engine)

    @property
    def engine_of_sessions(self) -> str | None:
        """That of the workloads, where there are any: their containers are what sessions enter."""
        if self.workloads is not None and self.workloads.engine:
            return self.workloads.engine
        return self.containers.socket

    @property
    def line_hub(self) -> str:
        """Where the line goes, and what is asked beside it."""
        return self.certificate_hub or self.hub

    @property
    def state(self) -> Path:
        return Path(self.state_dir)

    @property
    def socket_path(self) -> Path:
        return Path(self.socket)

    @property
    def drop_folder(self) -> Path:
        return Path(self.records.drop_dir or self.state / "drop")

    @property
    def staging(self) -> Path:
        return Path(self.firmware.staging_dir or self.state / "firmware")

    @property
    def outward(self) -> Outward:
        return Outward(
            ca_file=self.tls.ca_file,
            use_system_store=self.tls.use_system_store,
            proxy=self.proxy,
            no_proxy=self.no_proxy,
        )

    @property
    def outward_to_cloud(self) -> Outward:
        return structs.replace(self.outward, ca_file=self.cloud.ca_file or self.tls.ca_file)

    @property
    def outward_of_broker(self) -> Outward:
        own = self.broker.ca_file if self.broker else ""
        return structs.replace(self.outward, ca_file=own or self.tls.ca_file)

    @property
    def own_paths(self) -> tuple[str, ...]:
        """What of the agent no container and no session sees."""
        credentials = self.broker.credentials_dir if self.broker else None
        paths = (
            self.state_dir, self.versions_dir, self.firmware.staging_dir, credentials,
            self.tokens_dir, self.socket,
        )  # fmt: skip
        return tuple(path for path in paths if path)

    @property
    def tokens_dir(self) -> str | None:
        """Where the programs of this device find their tokens."""
        return self.broker.tokens_dir if self.broker else None

    @property
    def speakers(self) -> tuple[LocalAgent, ...]:
        """Who may report: `agents`, and each client of the broker."""
        named = {agent.name for agent in self.agents}
        clients = self.broker.each_client if self.broker else ()
        return (
            *self.agents,
            *(LocalAgent(name=client.name) for client in clients if client.name not in named),
        )

    @property
    def judged(self) -> dict[str, bool]:
        """What the agent itself finds ready or not, and whether that is required: the tokens and
        endpoints of the broker."""
        if self.broker is None:
            return {}
        endpoints = {each.name: each.required for each in self.broker.endpoint}
        return {**dict.fromkeys(self.broker.tokens, False), **endpoints}

    @property
    def templates(self) -> dict[str, Template]:
        return {**BUILT_IN, **self.shell.templates}


def load(
    config: Path | None, flags: Mapping[str, object], environ: Mapping[str, str] = os.environ
) -> Settings:
    """`flags` by field name; those that are None were not given. Raises `BadSettings`."""
    fields = _read_file(config) if config else {}
    fields.update({key: environ[name] for key, name in VARIABLES.items() if environ.get(name)})
    if environ.get(NO_PROXY_VARIABLE):
        fields["no_proxy"] = _listed(environ[NO_PROXY_VARIABLE])
    fields.update({key: value for key, value in flags.items() if value is not None})
    ca_file = fields.pop("ca_file", None) or environ.get(CA_FILE_VARIABLE)
    if ca_file:
        fields["tls"] = {**fields.get("tls", {}), "ca_file": ca_file}
    fields.setdefault("id", socket.gethostname())
    fields.setdefault("state_dir", str(_state_home(environ) / "longline" / str(fields["id"])))
    if not fields.get("socket"):
        state = Path(str(fields["state_dir"]))
        fields["socket"] = str(default_socket(state, environ.get("XDG_RUNTIME_DIR")))
    if environ.get(SUDO_VARIABLE) == "on":
        fields["power"] = {**BY_SUDO, **fields.get("power", {})}
    if "hub" not in fields:
        raise BadSettings("which hub? give --hub, LONGLINE_HUB_URL or `hub` in the file")
    return _checked(_convert(fields))


def outward_of(ca_file: str | None, environ: Mapping[str, str] = os.environ) -> Outward:
    """For the tools, which have no file of settings. Raises `BadSettings`."""
    found = Outward(
        ca_file=ca_file or environ.get(CA_FILE_VARIABLE, ""),
        proxy=environ.get(VARIABLES["proxy"], ""),
        no_proxy=tuple(_listed(environ.get(NO_PROXY_VARIABLE, ""))),
    )
    check_outward(found)
    return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def check_outward(way: Outward) -> None:
    """Raises `BadSettings`."""
    problem = outward.problem_of(way)
    if problem is not None:
        raise BadSettings(problem)


def _state_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def _read_file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text())
    except OSError as error:
        raise BadSettings(f"cannot read {config}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{config}: {error}") from None


def _convert(fields: dict[str, Any]) -> Settings:
    try:
        return msgspec.convert(fields, Settings)
    except msgspec.ValidationError as error:
        shell = fields.get("shell")
        templates = (
            cast("dict[str, object]", shell).get("templates") if isinstance(shell, dict) else None
        )
        named = misshapen(templates) or misshapen_command(fields.get("commands"))
        raise BadSettings(named or f"settings: {error}") from None


def _checked(settings: Settings) -> Settings:
    if not is_device_id(settings.id):
        raise BadSettings(f"{settings.id!r} is not a device id: {DEVICE_ID_RULE}")
    check_hub_url(settings.hub, insecure=settings.insecure)
    _check_certificate_hub(settings.certificate_hub)
    check_outward(settings.outward)
    for name, template in settings.shell.templates.items():
        try:
            check(name, template)
        except BadTemplate as error:
            raise BadSettings(str(error)) from None
    try:
        check_commands(settings.commands)
    except BadOwnCommand as error:
        raise BadSettings(str(error)) from None
    for key in settings.firmware.trusted_keys:
        if not _is_public_key(key):
            raise BadSettings(f"firmware.trusted_keys: {key!r} is not 32 bytes in base64")
    _check_update(settings)
    _check_agents(settings)
    for problem in (
        problem_of_installers(settings.installers),
        problem_of_broker(settings.broker, settings.forward_proxy, insecure=settings.insecure),
        problem_of_signed(
            settings.signed_commands, has_update_keys=bool(settings.firmware.trusted_keys)
        ),
        problem_of_workloads(settings.workloads, settings.signed_commands),
    ):
        if problem is not None:
            raise BadSettings(problem)
    relative = [path for path in settings.logs.files if not Path(path).is_absolute()]
    if relative:
        raise BadSettings(f"logs.files: {relative[0]} is not an absolute path")
    return settings


def _check_agents(settings: Settings) -> None:
    """Raises `BadSettings`."""
    names = [agent.name for agent in settings.agents]
    if len(set(names)) < len(names):
        raise BadSettings("agents: two have one name")
    endpoints = settings.broker.endpoint if settings.broker else ()
    if not {each.name for each in endpoints}.isdisjoint(names):
        raise BadSettings("agents: one has the name of an endpoint")
    if len({*names, *settings.judged}) > MOST_AGENTS:
        raise BadSettings(f"agents, tokens and endpoints: more than {MOST_AGENTS}")


def _check_update(settings: Settings) -> None:
    update = settings.update
    if update.source == HUB:
        return
    check_hub_url(update.source, insecure=settings.insecure, whose="source of updates")
    if update.verify == "tuf" and update.root_file is None:
        raise BadSettings("update: a source needs root_file, its root of trust")
    if update.verify == "sha256" and not settings.firmware.trusted_keys:
        raise BadSettings('update: verify = "sha256" needs firmware.trusted_keys')


def _is_public_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == PUBLIC_KEY_BYTES
    except ValueError:
        return False


def check_hub_url(url: str, *, insecure: bool, whose: str = "hub") -> None:
    """Raise `BadSettings` unless `url` is http(s)://host[:port], with a path at most; http to
    another machine only when that is wanted (`insecure`)."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"[?#@\s]", url):
        raise BadSettings(f"{url!r} is not the URL of a {whose} (https://host[:port])")
    _check_clear(url, whose, insecure=insecure)


def _check_certificate_hub(url: str) -> None:
    if not url:
        return
    check_hub_url(url, insecure=False, whose="certificate_hub")
    if not url.startswith("https:"):
        raise BadSettings("certificate_hub must be https: a certificate is shown there")


def _check_clear(url: str, whose: str, *, insecure: bool) -> None:
    if outward.is_in_clear(url) and not insecure:
        raise BadSettings(
            f"{url} is not encrypted, and the {whose} is another machine: use https, or allow it"
            " with insecure"
        )


def enrollment_key(key_file: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The enrolment key, or None when there is none. Raises `BadSettings`."""
    return _secret("the enrolment key", key_file, KEY_VARIABLE, environ) or None


def cloud_access(
    cloud: CloudSettings, environ: Mapping[str, str] = os.environ, *, insecure: bool = False
) -> Access | None:
    """How this device reaches the cloud by itself; None when it does not. Raises `BadSettings`."""
    url = environ.get(f"{CLOUD_VARIABLE}URL") or cloud.url
    if not url:
        return None
    access = Access(
        url=url,
        token=_secret("the cloud's token", cloud.token_file, f"{CLOUD_VARIABLE}TOKEN", environ),
        token_url=environ.get(f"{CLOUD_VARIABLE}TOKEN_URL") or cloud.token_url,
        client_id=environ.get(f"{CLOUD_VARIABLE}CLIENT_ID") or cloud.client_id,
        client_secret=_secret(
            "the cloud client's secret",
            cloud.client_secret_file,
            f"{CLOUD_VARIABLE}CLIENT_SECRET",
            environ,
        ),
    )
    problem = problem_of(access)
    if problem is not None:
        raise BadSettings(f"settings of the cloud: {problem}")
    for each in filter(None, (access.url, access.token_url)):
        _check_clear(each, "cloud", insecure=insecure)
    return access


def _secret(what: str, file: str | None, variable: str, environ: Mapping[str, str]) -> str:
    """From the file when one is named, else from the variable; empty when neither has it."""
    if file is None:
        return environ.get(variable, "")
    try:
        secret = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise BadSettings(f"cannot read {what} file {file}: {reason}") from None
    if not secret.isascii() or not secret.isprintable() or not secret:
        raise BadSettings(f"{what} file {file} does not hold one")
    return secret


def without_secrets(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for programs that the agent starts."""
    return {name: value for name, value in environ.items() if not name.startswith("LONGLINE_")}
