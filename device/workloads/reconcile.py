"""What is to be done next, so that the containers of a device become what they shall be. Pure.

    there is no container of the wanted kind
        its image is not there         pull it
        else                           create one, under another name while an older one has its own
    there is one
        older ones are beside it       remove them, once it may start
        it has another's name          rename it
        it is stopped by the hub       stop it
        it has ended, or never begun   start it, if its kind of restart and what it needs say so

Nothing is remembered between two looks: a step that was cut off is decided again from what is
there. All steps that are given at once are independent of each other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, assert_never

from msgspec import Struct

from device.workloads.bodies import Restart
from device.workloads.claims import ServiceKey
from device.workloads.compose import Condition
from protocol.workloads import ServiceCode

NEXT: Final = ".new"
"""Behind the name of a container whose place is still taken; no service is called so."""

ContainerState = Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]
Health = Literal["none", "starting", "healthy", "unhealthy"]
UP: Final = frozenset({"running", "paused", "restarting"})


class ServiceRefusal(Struct, frozen=True):
    """Why a service cannot be as it shall; what is there of it stays."""

    code: ServiceCode
    message: str


class WantedService(Struct, frozen=True, kw_only=True):
    """A service as it shall be. `spec` is the hash of what its container is; `image_key` names its
    image, and for an unpinned one the revision in which it was pulled."""

    key: ServiceKey
    revision: str
    name: str = ""
    spec: str = ""
    image: str = ""
    image_key: str = ""
    restart: Restart = Restart("no")
    needs: dict[str, Condition] = {}
    stopped: bool = False
    waits: bool = False
    """For what only the hub has: the contents of a secret."""
    refusal: ServiceRefusal | None = None


class Container(Struct, frozen=True, kw_only=True):
    """One that bears our labels."""

    id: str
    name: str
    key: ServiceKey
    state: ContainerState
    revision: str = ""
    spec: str = ""
    needs: frozenset[str] = frozenset()
    image_id: str = ""
    health: Health = "none"
    grace: int = 10
    """Seconds that it gets to stop."""
    exit_code: int = 0
    restarts: int = 0
    started_at: str | None = None

    @property
    def is_up(self) -> bool:
        return self.state in UP


class Halted(Struct, frozen=True):
    """Containers that were stopped because the hub said so, and when they had been started: they
    start again when it says the other, however they ended."""

    starts: Mapping[str, str | None] = {}

    def holds(self, container: Container) -> bool:
        missing = object()
        return self.starts.get(container.id, missing) == container.started_at


class PullImage(Struct, frozen=True):
    wanted: WantedService


class CreateContainer(Struct, frozen=True):
    wanted: WantedService
    name: str


class RenameContainer(Struct, frozen=True):
    container: Container
    name: str


class StartContainer(Struct, frozen=True):
    wanted: WantedService
    container: Container


class StopContainer(Struct, frozen=True):
    container: Container


class RemoveContainer(Struct, frozen=True):
    """Stop it first, if it is up."""

    container: Container


Step = (
    PullImage | CreateContainer | RenameContainer | StartContainer | StopContainer | RemoveContainer
)


class Surroundings(Struct, frozen=True, kw_only=True):
    """`images`: what is there, by key; `resting`: services whose last step failed, for now."""

    images: Mapping[str, str] = {}
    resting: Collection[ServiceKey] = ()
    halted: Halted = Halted()


def reconcile(
    desired: Sequence[WantedService], observed: Sequence[Container], around: Surroundings
) -> list[Step]:
    by_key: dict[ServiceKey, list[Container]] = {}
    for each in observed:
        if each.state != "removing":
            by_key.setdefault(each.key, []).append(each)
    wanted = {each.key: each for each in desired}
    look = _Look(wanted, by_key, around)
    steps = [step for each in desired for step in look.service(each)]
    gone = [each for key, found in by_key.items() if key not in wanted for each in found]
    return [*steps, *_removals(gone, around.resting)]


class _Look:
    def __init__(
        self,
        wanted: Mapping[ServiceKey, WantedService],
        containers: Mapping[ServiceKey, list[Container]],
        around: Surroundings,
    ) -> None:
        self._wanted = wanted
        self._containers = containers
        self._around = around

    def service(self, wanted: WantedService) -> list[Step]:
        """At most one thing at a time of each service."""
        if wanted.refusal is not None or wanted.key in self._around.resting:
            return []
        found = self._containers.get(wanted.key, [])
        right = right_one(wanted, found, self._around.images)
        if right is None:
            return [] if wanted.waits else self._make(wanted, found)
        others = [each for each in found if each is not right]
        if others:
            return [RemoveContainer(each) for each in others] if self._may_replace(wanted) else []
        if right.name != wanted.name:
            return [RenameContainer(right, wanted.name)]
        return self._run(wanted, right)

    def _make(self, wanted: WantedService, found: list[Container]) -> list[Step]:
        if wanted.image_key not in self._around.images:
            return [PullImage(wanted)]
        name = wanted.name
        if any(each.name == name for each in found):
            name += NEXT
        spare = [each for each in found if each.name == name]  # of a revision that was overtaken
        return [RemoveContainer(each) for each in spare] or [CreateContainer(wanted, name)]

    def _may_replace(self, wanted: WantedService) -> bool:
        return wanted.stopped or self._may_start(wanted)

    def _run(self, wanted: WantedService, right: Container) -> list[Step]:
        if wanted.stopped:
            return [StopContainer(right)] if right.is_up else []
        if right.is_up or not self._may_start(wanted):
            return []
        starts = self._around.halted.holds(right) or starts_again(wanted.restart, right)
        return [StartContainer(wanted, right)] if starts else []

    def _may_start(self, wanted: WantedService) -> bool:
        return not wanted.waits and not self.waits_for(wanted)

    def waits_for(self, wanted: WantedService) -> list[str]:
        """Services that are not yet as it needs them."""
        return [
            name for name, condition in wanted.needs.items()
            if not self._meets(wanted.key._replace(service=name), condition)
        ]  # fmt: skip

    def _meets(self, key: ServiceKey, condition: Condition) -> bool:
        needed = self._wanted.get(key)
        if needed is None or needed.stopped:
            return True  # nobody would ever start it
        right = right_one(needed, self._containers.get(key, []), self._around.images)
        if right is None:
            return False
        match condition:
            case "service_started":
                return right.state != "created"
            case "service_healthy":
                return right.state == "running" and right.health == "healthy"
            case "service_completed_successfully":
                return right.state == "exited" and right.exit_code == 0
            case _:
                assert_never(condition)


def waits_for(
    wanted: WantedService,
    desired: Iterable[WantedService],
    observed: Iterable[Container],
    around: Surroundings,
) -> list[str]:
    """The services that it waits for."""
    by_key: dict[ServiceKey, list[Container]] = {}
    for each in observed:
        by_key.setdefault(each.key, []).append(each)
    return _Look({each.key: each for each in desired}, by_key, around).waits_for(wanted)


def right_one(
    wanted: WantedService, found: Iterable[Container], images: Mapping[str, str]
) -> Container | None:
    """The container that is what is wanted. Its image is asked for where that is known."""
    image = images.get(wanted.image_key)
    for each in found:
        if each.spec == wanted.spec and (not each.image_id or image in (None, each.image_id)):
            return each
    return None


def starts_again(restart: Restart, container: Container) -> bool:
    """Whether the agent starts what no engine has: what never ran, and what did when the machine
    went down."""
    if container.state == "created":
        return True
    match restart.name:
        case "unless-stopped":
            return True
        case "on-failure":
            is_left = restart.most == 0 or container.restarts < restart.most
            return container.exit_code != 0 and is_left
        case _:
            return False


def _removals(gone: Sequence[Container], resting: Collection[ServiceKey]) -> list[Step]:
    """First those that no other one needs."""
    needed = {each.key._replace(service=name) for each in gone if each.is_up for name in each.needs}
    free = [each for each in gone if each.key not in needed] or gone
    return [RemoveContainer(each) for each in free if each.key not in resting]
