"""What the engine is told of a service: the body of its create request. Pure."""

import math
from collections.abc import Mapping
from typing import Any, Final, assert_never

from msgspec import Struct

from device.workloads.compose import (
    Application,
    Command,
    Mount,
    NotAllowed,
    Service,
    Strings,
    mode_of,
    pairs_of,
)
from device.workloads.image_names import read_image
from device.workloads.permitted import Guard
from device.workloads.short_forms import PublishedPort, devices_of, mounts_of, ports_of
from device.workloads.units import nanoseconds, size
from protocol.canonical import hash_of

DEVICE: Final = "longline.device"
APPLICATION: Final = "longline.application"
SERVICE: Final = "longline.service"
REVISION: Final = "longline.revision"
SPEC: Final = "longline.spec"
NEEDS: Final = "longline.needs"
DEFAULT_NETWORK: Final = "default"
GRACE_SECONDS: Final = 10
_BILLION: Final = 10**9

Json = dict[str, Any]


class Restart(Struct, frozen=True):
    """When a container that has ended is started again; `most` retries of `on-failure`, 0 for
    any number."""

    name: str
    most: int = 0


class ServicePlace(Struct, frozen=True, kw_only=True):
    """Whose service it is, and what the device has for it."""

    device: str
    application: str
    service: str
    revision: str
    folder: str
    """Of its files of secrets and config maps."""
    settings: Mapping[str, str]
    """Variables that config maps give."""


def container_name(application: str, service: str) -> str:
    return f"{application}-{service}"


def volume_name(application: str, volume: str) -> str:
    return f"{application}_{volume}"


def restart_of(service: Service) -> Restart:
    """As the file says. Raises `NotAllowed`."""
    name, _, most = service.restart.partition(":")
    name = "unless-stopped" if name == "always" else name
    bad = name not in {"no", "on-failure", "unless-stopped"} or (most and name != "on-failure")
    if bad or (most and not most.isdecimal()):
        raise NotAllowed(f"restart {service.restart!r} is not known")
    return Restart(name, int(most or 0))


def engine_restart(service: Service) -> Restart:
    """As the engine does it. Files of the agent are not there when the machine starts, so no engine
    may start by itself what has some."""
    restart = restart_of(service)
    has_files = service.secrets or service.configs
    return Restart("on-failure") if has_files and restart.name == "unless-stopped" else restart


def grace_of(service: Service) -> int:
    """Seconds that it gets to stop."""
    if service.stop_grace_period is None:
        return GRACE_SECONDS
    return math.ceil(nanoseconds(service.stop_grace_period) / _BILLION)


def networks_of(service: Service, place: ServicePlace) -> dict[str, list[str]]:
    """Bridges of the application that it is in, by name, with its aliases there."""
    if service.network_mode in ("host", "none"):
        return {}
    named = service.networks or [DEFAULT_NETWORK]
    if isinstance(named, list):
        named = dict.fromkeys(named)
    return {
        volume_name(place.application, name): [place.service, *(each.aliases if each else [])]
        for name, each in named.items()
    }


def volumes_of(service: Service, application: str) -> list[str]:
    return [
        volume_name(application, each.source)
        for each in mounts_of(service)
        if each.type == "volume" and each.source
    ]


def spec_of(body: Json) -> str:
    """The hash of what a container is, whatever revision it is of."""
    labels = {name: v for name, v in body["Labels"].items() if name not in (REVISION, SPEC)}
    return hash_of({**body, "Labels": labels})


def body_of(application: Application, service: Service, place: ServicePlace, guard: Guard) -> Json:
    """Raises `NotAllowed`, `ValueError`."""
    ports = ports_of(service)
    body: Json = {
        "Image": read_image(service.image).full,
        "Env": [f"{name}={value}" for name, value in sorted(_environment(service, place).items())],
        "Labels": _labels(service, place),
        "StopTimeout": grace_of(service),
        "ExposedPorts": {each.key: {} for each in ports},
        "HostConfig": _host_config(application, service, place, guard, ports),
    }
    if service.command is not None:
        body["Cmd"] = _argv(service.command)
    if service.entrypoint is not None:
        body["Entrypoint"] = _argv(service.entrypoint)
    if service.user is not None:
        body["User"] = str(service.user)
    if service.healthcheck is not None:
        body["Healthcheck"] = _healthcheck(service)
    networks = networks_of(service, place)
    if networks:
        first = next(iter(networks))
        body["NetworkingConfig"] = {"EndpointsConfig": {first: {"Aliases": networks[first]}}}
    return body


def labelled(body: Json, place: ServicePlace) -> Json:
    """With the labels that are no part of what it is."""
    labels = {**body["Labels"], REVISION: place.revision, SPEC: spec_of(body)}
    return {**body, "Labels": labels}


def _environment(service: Service, place: ServicePlace) -> dict[str, str]:
    return {**place.settings, **pairs_of(service.environment)}


def _labels(service: Service, place: ServicePlace) -> dict[str, str]:
    return {
        **pairs_of(service.labels),
        DEVICE: place.device,
        APPLICATION: place.application,
        SERVICE: place.service,
        NEEDS: ",".join(sorted(service.needs)),
    }


def _argv(command: Command) -> list[str]:
    if isinstance(command, str):
        raise NotAllowed("a command is a list here")
    return command or []


def _host_config(
    application: Application,
    service: Service,
    place: ServicePlace,
    guard: Guard,
    ports: list[PublishedPort],
) -> Json:
    restart = engine_restart(service)
    config: Json = {
        "RestartPolicy": {"Name": restart.name, "MaximumRetryCount": restart.most},
        "NetworkMode": service.network_mode or next(iter(networks_of(service, place)), "none"),
        "PortBindings": _bindings(ports),
        "Mounts": _mounts(application, service, place, guard),
        "ReadonlyRootfs": service.read_only,
        "CapAdd": service.cap_add,
        "CapDrop": service.cap_drop,
        "Privileged": service.privileged,
        "Devices": [
            {
                "PathOnHost": each.source,
                "PathInContainer": each.target or each.source,
                "CgroupPermissions": each.permissions or "rwm",
            }
            for each in devices_of(service)
        ],
        "ExtraHosts": _hosts(service),
        "Tmpfs": _tmpfs_of(service),
        "Ulimits": [
            {
                "Name": name,
                "Soft": each if isinstance(each, int) else each.soft,
                "Hard": each if isinstance(each, int) else each.hard,
            }
            for name, each in service.ulimits.items()
        ],
    }
    if service.init is not None:
        config["Init"] = service.init
    if service.logging is not None:
        options = pairs_of(dict(service.logging.options))
        config["LogConfig"] = {"Type": service.logging.driver, "Config": options}
    return config | _limits(service)


def _limits(service: Service) -> Json:
    resources = service.deploy and service.deploy.resources
    limits = resources and resources.limits
    memory = service.mem_limit or (limits and limits.memory)
    cpus = service.cpus or (limits and limits.cpus)
    pids = service.pids_limit or (limits and limits.pids)
    found: Json = {}
    if memory:
        found["Memory"] = size(memory)
    if cpus:
        found["NanoCpus"] = round(float(cpus) * _BILLION)
    if pids:
        found["PidsLimit"] = pids
    return found


def _bindings(ports: list[PublishedPort]) -> Json:
    found: dict[str, list[Json]] = {}
    for each in ports:
        host = {"HostIp": each.host_ip, "HostPort": str(each.published or "")}
        found.setdefault(each.key, []).append(host)
    return found


def _mounts(
    application: Application, service: Service, place: ServicePlace, guard: Guard
) -> list[Json]:
    found = [_mount(application, each, place, guard) for each in mounts_of(service)]
    for what, there in (("secrets", service.secrets), ("configs", service.configs)):
        if there:
            source = f"{place.folder}/{what}"
            target = f"/run/{what}"
            found.append({"Type": "bind", "Source": source, "Target": target, "ReadOnly": True})
    return found


def _mount(application: Application, mount: Mount, place: ServicePlace, guard: Guard) -> Json:
    found: Json = {"Type": mount.type, "Target": mount.target, "ReadOnly": mount.read_only}
    match mount.type:
        case "bind":
            found["Source"] = guard.bind_source(mount)
            found["BindOptions"] = {"Propagation": "rprivate"}
        case "volume":
            labels = {DEVICE: place.device, APPLICATION: place.application}
            options: Json = {"Labels": labels, "NoCopy": bool(mount.volume and mount.volume.nocopy)}
            found["VolumeOptions"] = options
            if mount.source:
                found["Source"] = volume_name(place.application, _known(application, mount.source))
        case "tmpfs":
            found["TmpfsOptions"] = _tmpfs(mount)
        case _:
            assert_never(mount.type)
    return found


def _known(application: Application, volume: str) -> str:
    top = application.volumes.get(volume)
    if volume not in application.volumes or (top and top.name):
        raise NotAllowed(f"volume {volume!r} is none of the application's own")
    return volume


def _tmpfs(mount: Mount) -> Json:
    options: Json = {}
    if mount.tmpfs and mount.tmpfs.size:
        options["SizeBytes"] = size(mount.tmpfs.size)
    if mount.tmpfs and mount.tmpfs.mode:
        options["Mode"] = mode_of(mount.tmpfs.mode)
    return options


def _hosts(service: Service) -> list[str]:
    hosts = service.extra_hosts
    if isinstance(hosts, list):
        return [each.replace("=", ":", 1) for each in hosts]
    return [f"{name}:{ip}" for name, each in hosts.items() for ip in _strings(each)]


def _tmpfs_of(service: Service) -> dict[str, str]:
    parts = [each.partition(":") for each in _strings(service.tmpfs)]
    return {path: options for path, _, options in parts}


def _strings(each: Strings) -> list[str]:
    return [each] if isinstance(each, str) else each


def _healthcheck(service: Service) -> Json:
    check = service.healthcheck
    if check is None or check.disable:
        return {"Test": ["NONE"]}
    found: Json = {}
    if check.test:
        found["Test"] = ["CMD-SHELL", check.test] if isinstance(check.test, str) else check.test
    for name, each in (
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ):
        if each is not None:
            found[name] = nanoseconds(each)
    if check.retries is not None:
        found["Retries"] = check.retries
    return found
