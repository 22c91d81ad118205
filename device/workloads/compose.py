"""What the agent reads of a Compose file in canonical JSON. Pure.

The hub has checked it already; but what a container may do is decided here, so whatever is not
known is refused, never ignored. Short forms are read as well as long ones.
"""

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, field

from protocol.workloads import WorkloadName

S = TypeVar("S")
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
Strings = list[str] | str
Pairs = dict[str, str | int | float | bool | None] | list[str]
Command = Strings | None
Text = str | int | float


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Port(Part, frozen=True):
    target: int | str
    published: int | str | None = None
    host_ip: str | None = None
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    mode: Literal["host", "ingress"] = "ingress"


class BindOptions(Part, frozen=True):
    propagation: Literal["private", "rprivate"] = "rprivate"


class VolumeOptions(Part, frozen=True):
    nocopy: bool = False


class TmpfsOptions(Part, frozen=True):
    size: int | str | None = None
    mode: int | str | None = None


class Mount(Part, frozen=True):
    type: Literal["bind", "volume", "tmpfs"]
    target: str
    source: str | None = None
    read_only: bool = False
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    tmpfs: TmpfsOptions | None = None


class Healthcheck(Part, frozen=True):
    test: Strings | None = None
    interval: str | float | None = None
    timeout: str | float | None = None
    start_period: str | float | None = None
    start_interval: str | float | None = None
    retries: int | None = None
    disable: bool = False


class Dependency(Part, frozen=True):
    condition: Condition = "service_started"


class Signal(Part, frozen=True):
    signal: str


OnChange = Literal["restart", "none"] | Signal


class FileSource(Part, frozen=True):
    """A config map or secret that is mounted as files."""

    source: str
    target: str | None = None
    uid: Text | None = None
    gid: Text | None = None
    mode: int | str | None = None
    on_change: OnChange = field(name="x-onChange", default="restart")


class EnvSource(Part, frozen=True):
    config: str


class Logging(Part, frozen=True):
    driver: Literal["json-file", "local"] = "json-file"
    options: dict[str, Text | bool] = {}


class Limit(Part, frozen=True):
    soft: int
    hard: int


class DeviceMapping(Part, frozen=True):
    source: str
    target: str | None = None
    permissions: str | None = None


class Limits(Part, frozen=True):
    cpus: Text | None = None
    memory: int | str | None = None
    pids: int | None = None


class Resources(Part, frozen=True):
    limits: Limits | None = None


class Deploy(Part, frozen=True):
    resources: Resources | None = None


class Attachment(Part, frozen=True):
    aliases: list[str] = []


class Service(Part, frozen=True):
    image: str
    command: Command = None
    entrypoint: Command = None
    environment: Pairs = {}
    env_file: list[EnvSource] = []
    ports: list[Port | str | int] = []
    volumes: list[Mount | str] = []
    restart: str = "no"
    healthcheck: Healthcheck | None = None
    depends_on: dict[str, Dependency] | list[str] = {}
    user: Text | None = None
    read_only: bool = False
    cap_add: list[str] = []
    cap_drop: list[str] = []
    devices: list[DeviceMapping | str] = []
    privileged: bool = False
    mem_limit: int | str | None = None
    cpus: Text | None = None
    pids_limit: int | None = None
    labels: Pairs = {}
    logging: Logging | None = None
    stop_grace_period: str | float | None = None
    extra_hosts: dict[str, Strings] | list[str] = {}
    tmpfs: Strings = []
    ulimits: dict[str, Limit | int] = {}
    init: bool | None = None
    configs: list[FileSource | str] = []
    secrets: list[FileSource | str] = []
    network_mode: Literal["host", "none"] | None = None
    networks: dict[str, Attachment | None] | list[str] = {}
    deploy: Deploy | None = None

    @property
    def needs(self) -> dict[str, Condition]:
        """The services that are before it."""
        if isinstance(self.depends_on, list):
            return dict.fromkeys(self.depends_on, "service_started")
        return {name: each.condition for name, each in self.depends_on.items()}

    @property
    def secret_files(self) -> list[FileSource]:
        return [_file(each) for each in self.secrets]

    @property
    def config_files(self) -> list[FileSource]:
        return [_file(each) for each in self.configs]


class TopVolume(Part, frozen=True):
    name: str | None = None


class TopNetwork(Part, frozen=True):
    driver: Literal["bridge"] = "bridge"


class TopSource(Part, frozen=True):
    """A config map or secret of the hub."""

    external: Literal[True] = True
    name: str | None = None


class Application(Part, frozen=True):
    """Services are read one by one, so that a bad one harms itself only."""

    services: dict[WorkloadName, Any]
    volumes: dict[str, TopVolume | None] = {}
    configs: dict[str, TopSource | None] = {}
    secrets: dict[str, TopSource | None] = {}
    networks: dict[str, TopNetwork | None] = {}
    name: str | None = None

    def config_map(self, source: str) -> str:
        """Its name at the hub."""
        return _name_of(self.configs, source)

    def secret(self, source: str) -> str:
        return _name_of(self.secrets, source)


class NotAllowed(Exception):
    """What a service asks for, this device does not give it. The argument says what."""


def read_application(compose: dict[str, Any]) -> Application:
    """Raises `NotAllowed`."""
    return _read(compose, Application)


def read_service(value: Any) -> Service:
    """Raises `NotAllowed`."""
    return _read(value, Service)


def mode_of(mode: int | str) -> int:
    """Of files; a text is octal. Raises `ValueError`."""
    return (int(mode, 8) if isinstance(mode, str) else mode) & 0o777


def pairs_of(pairs: Pairs) -> dict[str, str]:
    """What has no value is left out."""
    if isinstance(pairs, list):
        return dict(each.split("=", 1) for each in pairs if "=" in each)
    return {name: _text(value) for name, value in pairs.items() if value is not None}


def _text(value: Text | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _file(each: FileSource | str) -> FileSource:
    return FileSource(source=each) if isinstance(each, str) else each


def _name_of(named: dict[str, TopSource | None], source: str) -> str:
    found = named.get(source)
    return (found.name if found else None) or source


def _read(value: Any, kind: type[S]) -> S:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise NotAllowed(f"this agent does not know it: {error}") from None
