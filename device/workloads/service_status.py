"""What the hub is told of each service. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from msgspec import Struct, structs

from device.base.text import clean
from device.workloads.claims import ServiceKey
from device.workloads.image_names import read_image
from device.workloads.reconcile import Container, ServiceRefusal, WantedService, right_one
from protocol.codec import encode
from protocol.workloads import MOST_MESSAGE, ServiceState, ServiceStatus

MOST_BYTES: Final = 47 * 1024
"""Of the services of one frame, which has 48 KiB."""
SHORT_ID: Final = 12
MOST_IMAGE: Final = 300


class Known(Struct, frozen=True, kw_only=True):
    """What is known beside the containers. `images` by key: the engine's id of what is there;
    `digests` by that id; `failures` of the last step, where it failed; `often` are containers that
    restart again and again; `waits` what a service waits for."""

    images: Mapping[str, str] = {}
    digests: Mapping[str, str] = {}
    pulling: frozenset[str] = frozenset()
    failures: Mapping[ServiceKey, ServiceRefusal] = {}
    often: frozenset[str] = frozenset()
    waits: Mapping[ServiceKey, Sequence[str]] = {}


class ShownWorkload(Struct, frozen=True, kw_only=True, rename="camel"):
    """For `longline device status`."""

    application: str
    service: str
    state: str
    message: str | None


def statuses(
    desired: Iterable[WantedService], observed: Iterable[Container], known: Known
) -> dict[str, list[ServiceStatus]]:
    """By application: what shall be there, and what is still to be removed."""
    by_key: dict[ServiceKey, list[Container]] = {}
    for each in observed:
        by_key.setdefault(each.key, []).append(each)
    found: dict[str, list[ServiceStatus]] = {}
    for wanted in desired:
        status = _status(wanted, by_key.pop(wanted.key, []), known)
        found.setdefault(wanted.key.application, []).append(status)
    for key, containers in by_key.items():
        found.setdefault(key.application, []).append(_removing(key, containers[0]))
    return found


def shown(found: Mapping[str, list[ServiceStatus]]) -> list[ShownWorkload]:
    return [
        ShownWorkload(
            application=application, service=each.service, state=each.state, message=each.message
        )
        for application, services in sorted(found.items())
        for each in services
    ]


def fitting(services: list[ServiceStatus]) -> list[ServiceStatus]:
    """As it fits into a frame: if need be with shorter messages, then without what the revision
    says as well."""
    for most in (MOST_MESSAGE, 60, 0):
        shorter = [structs.replace(each, message=_short(each.message, most)) for each in services]
        if len(encode(shorter)) <= MOST_BYTES:
            return shorter
    shorter = [structs.replace(each, message=None, image=None) for each in services]
    if len(encode(shorter)) <= MOST_BYTES:
        return shorter
    return [structs.replace(each, digest=None) for each in shorter]


def _short(message: str | None, most: int) -> str | None:
    return (clean(message)[:most] or None) if message else None


def _status(wanted: WantedService, found: list[Container], known: Known) -> ServiceStatus:
    right = None if wanted.refusal else right_one(wanted, found, known.images)
    shown = right or next((each for each in found if each.is_up), None) or next(iter(found), None)
    problem = wanted.refusal or known.failures.get(wanted.key)
    if problem is not None and right is not None and right.is_up:
        problem = None  # an earlier step's; it runs
    state = "error" if problem else _state(wanted, right, known)
    digest = read_image(wanted.image).digest if wanted.image else None
    status = ServiceStatus(
        service=wanted.key.service,
        revision=wanted.revision if right or shown is None else shown.revision,
        state=state,
        code=problem.code if problem else None,
        message=problem.message if problem else _message(wanted, state, known),
        image=wanted.image[:MOST_IMAGE] or None,
        digest=digest or (known.digests.get(right.image_id) if right else None),
    )
    return _with_container(status, shown)


def _state(wanted: WantedService, right: Container | None, known: Known) -> ServiceState:
    if right is None:
        if wanted.waits:
            return "waiting_for_hub"
        return "pulling" if wanted.image_key in known.pulling else "creating"
    match right.state:
        case "running" | "paused":
            return _running(right, known)
        case "restarting":
            return "backoff" if right.id in known.often else "starting"
        case "removing":
            return "removing"
        case "created" | "exited" | "dead":
            if wanted.stopped:
                return "exited"
            if wanted.waits:
                return "waiting_for_hub"
            return "starting" if right.state == "created" else "exited"
        case _:
            assert_never(right.state)


def _running(right: Container, known: Known) -> ServiceState:
    if right.health == "unhealthy":
        return "unhealthy"
    if right.id in known.often:
        return "backoff"
    return "starting" if right.health == "starting" else "running"


def _message(wanted: WantedService, state: ServiceState, known: Known) -> str | None:
    waits = known.waits.get(wanted.key)
    if state in ("creating", "starting", "exited") and waits:
        return f"waits for {', '.join(waits)}"
    return None


def _removing(key: ServiceKey, container: Container) -> ServiceStatus:
    status = ServiceStatus(service=key.service, revision=container.revision, state="removing")
    return _with_container(status, container)


def _with_container(status: ServiceStatus, container: Container | None) -> ServiceStatus:
    if container is None:
        return status
    return structs.replace(
        status,
        container_id=container.id[:SHORT_ID],
        restarts=container.restarts,
        started_at=container.started_at,
    )
