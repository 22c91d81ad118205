"""Keeps the sections of desired state: fetches what the hub hands over, takes it, and says so.

A section is looked at when the hub names it, and all of them every few minutes. What could not be
taken, or was undone, is tried again only when the hub hands it over again.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

import httpx
import msgspec
import structlog
from msgspec import Struct

from device.base.errors import (
    AgentError,
    CommandFailed,
    HubUnreachable,
    JournalUnavailable,
)
from device.config.commit import ConfigTrial, Handed, Origin
from device.config.patch import ConfigChange
from device.config.store import ConfigStore
from device.desired.pinned import PinnedSoftware
from device.desired.small import SmallSections
from device.desired.trial import ConfigTrials, Ended
from device.line.uplink import Uplink
from device.workloads.keeper import WorkloadKeeper
from device.workloads.sealed import Kept
from protocol.canonical import hash_of
from protocol.frames import Desired, DesiredStatus, SectionState, TakenStatus
from protocol.replies import ResultError
from protocol.sections import CONFIG, MODE, PRODUCTION, SOFTWARE, command_like
from protocol.workloads import WORKLOAD_STATUS, WORKLOADS, WorkloadsDocument

_log = structlog.stdlib.get_logger()

LOOK_SECONDS: Final = 300.0
AGAIN_SECONDS: Final = 5.0
LONGEST_WAIT_SECONDS: Final = 60.0
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of an answer; what of it is too large to be kept is refused by name."""
LANES: Final = ((CONFIG, PRODUCTION, MODE), (SOFTWARE,), (WORKLOADS,))
"""What is brought one after the other: no section waits for an installation."""
REPORT: Final = "desired_status"
OK: Final = 200
NOT_MODIFIED: Final = 304


class Wanted(Struct, frozen=True):
    """What the hub answers: only what decodes as this is an answer (promise G19)."""

    version: str
    hash: str
    document: dict[str, Any]
    artifacts: dict[str, Any] = {}


class _Body(Struct, frozen=True):
    data: Wanted


_body: Final = msgspec.json.Decoder(_Body)


class TokenSource(Protocol):
    async def token(self) -> str: ...


class _Lane:
    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds
        self.asked: dict[str, bool] = {}
        """Sections to look at, and whether the hub has handed them over."""
        self.report = WORKLOAD_STATUS if WORKLOADS in kinds else REPORT
        """What a hub takes that has these sections."""
        self.wake = asyncio.Event()


class DesiredKeeper:
    """`http` reaches the hub, with `tokens` of the device."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        tokens: TokenSource,
        uplink: Uplink,
        config: ConfigStore,
        trials: ConfigTrials,
        small: SmallSections,
        pinned: PinnedSoftware,
        workloads: WorkloadKeeper | None,
        needs_signature: Callable[[str], bool],
    ) -> None:
        """`workloads` is None on a device without a container engine. `needs_signature` says
        whether commands of a type run only when a person has signed them: no section does instead
        what such a command would."""
        self._http = http
        self._tokens = tokens
        self._uplink = uplink
        self._config = config
        self._trials = trials
        self._small = small
        self._pinned = pinned
        self._needs_signature = needs_signature
        self._workloads = workloads
        self._lanes = [_Lane(kinds) for kinds in LANES if workloads or WORKLOADS not in kinds]
        self._etags: dict[str, tuple[str, str]] = {}
        """Of the last answers, each with the hash of its document."""

    def sections(self) -> dict[str, SectionState]:
        """For `hello`: what the device has."""
        handed = self._config.handed
        config = SectionState(
            version=handed.version if handed else "",
            hash=self._config.hash,
            refused=self._config.refused,
        )
        found = {CONFIG: config, **self._small.states(), SOFTWARE: self._pinned.state()}
        if self._workloads is not None:
            found[WORKLOADS] = self._workloads.state()
        return found

    def handed_over(self, frame: Desired) -> None:
        """The hub names a section that may differ."""
        if frame.kind == WORKLOADS and frame.report and self._workloads is not None:
            self._workloads.report()
        for lane in self._lanes:
            if frame.kind in lane.kinds:
                lane.asked[frame.kind] = True
                lane.wake.set()

    def line_opened(self) -> None:
        """What could not be fetched before is tried again, and of workloads the newest is asked for
        and what is there is said."""
        if self._workloads is not None:
            self._workloads.report()
        for lane in self._lanes:
            if WORKLOADS in lane.kinds and self._uplink.hub_accepts(WORKLOAD_STATUS):
                lane.asked.setdefault(WORKLOADS, False)
            if lane.asked:
                lane.wake.set()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(self._follow(lane))

    async def _follow(self, lane: _Lane) -> None:
        wait = LOOK_SECONDS
        while True:
            try:
                async with asyncio.timeout(wait):
                    await lane.wake.wait()
            except TimeoutError:
                if self._uplink.hub_accepts(lane.report):
                    lane.asked = dict.fromkeys(lane.kinds, False) | lane.asked
            lane.wake.clear()
            wait = await self._look(lane, wait)

    async def _look(self, lane: _Lane, waited: float) -> float:
        """Seconds until the next look."""
        asked, lane.asked = lane.asked, {}
        failed: dict[str, bool] = {}
        for kind, is_handed in asked.items():
            try:
                await self._bring(kind, is_handed=is_handed)
            except (AgentError, CommandFailed, HubUnreachable, JournalUnavailable) as error:
                _log.warning("section_not_settled", section=kind, reason=str(error))
                failed[kind] = is_handed
        lane.asked = failed | lane.asked
        if not failed:
            return LOOK_SECONDS
        return AGAIN_SECONDS if waited == LOOK_SECONDS else min(2 * waited, LONGEST_WAIT_SECONDS)

    async def _bring(self, kind: str, *, is_handed: bool) -> None:
        """Raises `HubUnreachable`, `AgentError`; and where nothing can be written
        `JournalUnavailable`, `CommandFailed`."""
        have = self.sections()[kind]
        wanted = await self._fetch(kind, have)
        if kind == WORKLOADS:
            await self._take_workloads(wanted)
            return
        if wanted is None:
            if is_handed:
                self._say(kind, Handed(have.version or "", have.hash or ""), "applied")
            return
        if wanted.version == have.refused and not is_handed:
            return
        handed = Handed(wanted.version, wanted.hash)
        try:
            _check(wanted)
            if wanted.hash != have.hash:
                self._require_unsigned(kind, wanted.document)
            change = await self._take(kind, wanted, handed)
        except CommandFailed as error:
            await self._refuse(kind, handed, error)
        else:
            restart_required = change.restart_required if change else None
            self._say(kind, handed, "applied", restart_required=restart_required)

    async def _take_workloads(self, wanted: Wanted | None) -> None:
        """What becomes of them is said service by service. Raises `HubUnreachable` for what is no
        document, `CommandFailed` when it cannot be kept."""
        if wanted is None or self._workloads is None:
            return
        try:
            document = msgspec.convert(wanted.document, WorkloadsDocument)
        except msgspec.ValidationError as error:
            raise HubUnreachable(f"what the hub answered is no document: {error}") from None
        await self._workloads.take(Kept(wanted.version, wanted.hash, document))

    def _require_unsigned(self, kind: str, document: dict[str, Any]) -> None:
        """Raises `CommandFailed`."""
        command = command_like(kind, document)
        if command is not None and self._needs_signature(command):
            raise CommandFailed(
                "needs_signature", f"{command} runs here only when a person has signed it"
            )

    async def _take(self, kind: str, wanted: Wanted, handed: Handed) -> ConfigChange | None:
        def begins(_restarts: bool = False) -> None:
            self._say(kind, handed, "trial")

        if kind == CONFIG:
            origin = Origin(handed=handed)
            return await self._trials.replace(wanted.document, origin, begins=begins)
        if kind == SOFTWARE:
            document, version = wanted.document, wanted.version
            await self._pinned.take(document, version, wanted.artifacts, begins)
        else:
            await self._small.take(kind, wanted.document, wanted.version)
        return None

    async def _refuse(self, kind: str, handed: Handed, error: CommandFailed) -> None:
        _log.error("section_not_taken", section=kind, code=error.code, reason=error.message)
        status: TakenStatus = "rolled_back" if error.code == "rolled_back" else "failed"
        self._say(kind, handed, status, error=error)  # whether that can be kept or not
        if kind == SOFTWARE:
            await self._pinned.refuse(handed.version)
        elif kind != CONFIG:
            await self._small.refuse(kind, handed.version)
        elif status == "failed":
            await self._config.refuse(handed.version)

    async def go_on(self, pushed: Ended) -> None:
        """With the trial for which the agent has restarted; `pushed` is called when it was of a
        push."""

        async def ended(trial: ConfigTrial, failure: CommandFailed | None) -> None:
            if trial.origin.command_id is not None:
                await pushed(trial, failure)
            if trial.origin.handed is not None:
                status: TakenStatus = "rolled_back" if failure else "applied"
                restart_required = None if failure else trial.restart_required
                self._say(
                    CONFIG,
                    trial.origin.handed,
                    status,
                    restart_required=restart_required,
                    error=failure,
                )

        await self._trials.go_on(ended)

    def _say(
        self,
        kind: str,
        handed: Handed,
        status: TakenStatus,
        *,
        restart_required: list[str] | None = None,
        error: CommandFailed | None = None,
    ) -> None:
        """To a hub that takes it; what is lost is in the next `hello`."""
        if not self._uplink.hub_accepts(REPORT):
            return
        self._uplink.send(
            DesiredStatus(
                kind=kind,
                version=handed.version,
                hash=handed.hash,
                status=status,
                restart_required=restart_required,
                error=error and ResultError(code=error.code, message=error.message),
            )
        )

    async def _fetch(self, kind: str, have: SectionState) -> Wanted | None:
        """None when the device has what it should have. Raises `HubUnreachable`."""
        headers = {"Authorization": f"Bearer {await self._tokens.token()}"}
        etag, of_hash = self._etags.get(kind, ("", ""))
        if etag and of_hash == have.hash:
            headers["If-None-Match"] = etag
        try:
            answer = await self._http.get(f"/api/v1/device/desired/{kind}", headers=headers)
        except httpx.HTTPError as error:
            raise HubUnreachable(f"{type(error).__name__}: {error}") from None
        if answer.status_code == NOT_MODIFIED:
            return None
        if answer.status_code != OK or len(answer.content) > MOST_BYTES:
            raise HubUnreachable(f"the hub answered {answer.status_code}")
        try:
            wanted = _body.decode(answer.content).data
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise HubUnreachable("what answered is no hub") from None
        self._etags[kind] = (answer.headers.get("etag", ""), wanted.hash)
        return wanted


def _check(wanted: Wanted) -> None:
    """Raises `CommandFailed`."""
    if hash_of(wanted.document) != wanted.hash:
        raise CommandFailed("hash_mismatch", "the document is not what its hash says")
