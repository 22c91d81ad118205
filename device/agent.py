"""The agent of one device: makes every part, runs them in one task group, ends them in order."""

import asyncio
import contextlib
import secrets
import signal
import time
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import structlog

from cloud.client import CloudClient
from cloud.outward import WayOut
from device.base.database import Database
from device.base.errors import (
    CommandFailed,
    JournalUnavailable,
    TurnedAway,
    fault_in,
)
from device.base.installers import takes_unsigned
from device.base.sharing import Sharing
from device.base.state_directory import is_enrolled, os_boot_id
from device.broker.wiring import BrokerParts
from device.commands.book import Book
from device.commands.journal import Journal
from device.commands.lost_journal import LostJournal
from device.commands.own import OwnTable
from device.commands.recovery import rolled_back, swapped
from device.commands.signed import Clocks, SignatureCheck
from device.config.commit import ConfigTrial
from device.config.store import ConfigStore
from device.desired.health import Health
from device.desired.keeper import DesiredKeeper
from device.desired.pinned import PinnedSoftware
from device.desired.small import SmallSections
from device.desired.trial import ConfigTrials
from device.events.disk_outbox import DiskOutbox
from device.events.outbox import OutboxBounds
from device.events.production import Production
from device.executors.config import pushed
from device.executors.context import Tools
from device.executors.firmware import bring
from device.executors.runner import Runner
from device.heartbeat import Heartbeat
from device.line.certificate import DeviceCertificate
from device.line.connection import Connection
from device.line.enrolment import Enrolment
from device.line.hub_clock import HubClock
from device.line.line import LineLost
from device.line.origin import only_to
from device.line.uplink import Uplink
from device.local.programs import AgentParts, LocalPrograms, uid_of
from device.logs.own_log import OwnLog
from device.logs.sources import LogSources
from device.records.courier import CloudCourier, HubCourier
from device.records.drop_folder import DropFolder
from device.records.intake import FullQueueAlert, RecordIntake
from device.records.queue import RecordQueue
from device.records.ways import RecordBounds
from device.sessions.keeper import ACCEPTS, SessionKeeper, SessionPlace
from device.settings import Settings
from device.update.installed import installed
from device.update.own_version import agent_version, user_agent
from device.update.poller import Poller
from device.update.proof import Proof
from device.update.software import InstalledSoftware
from device.update.source import PlainSource, TufSource
from device.update.trial import UpdateRecord, replaced_update
from device.update.versions import Versions
from device.workloads.keeper import WorkloadKeeper
from device.workloads.service_files import runtime_folder
from device.workloads.wiring import make_workloads
from protocol.commands import AGENT_TYPE, COMMANDS, RestartWorkload
from protocol.frames import DESIRED, HUB, Auth, ConnectionMode, Hello
from protocol.ids import CommandId
from protocol.telemetry import Alert

_log = structlog.stdlib.get_logger()

SETTLE_SECONDS: Final = 2.0
HTTP_SECONDS: Final = 15.0
READ_AGAIN_SECONDS: Final = 5.0
RESTART_WORKLOAD: Final = str(RestartWorkload.__struct_config__.tag)
NO_CLOUD: Final = "no cloud is configured: records go to the hub"


class End(Enum):
    STOP = auto()
    RESTART = auto()


class Agent:
    """Everything of one process. Made before the loop runs; `run` once."""

    def __init__(
        self,
        settings: Settings,
        *,
        own_settings: Settings,
        config: ConfigStore,
        key: str | None,
        way_out: WayOut,
        way_out_of_line: WayOut,
        way_out_of_broker: WayOut,
        cloud: CloudClient | None,
        database: Database,
        own_log: OwnLog,
    ) -> None:
        """`settings` are `own_settings`, which the device's file says, with what was pushed over
        them. Raises `StateUnavailable`."""
        self._settings = settings
        self._way_out = way_out
        self._way_out_of_line = way_out_of_line
        self._own_log = own_log
        self._database = database
        self._end: asyncio.Future[End] | None = None
        self._boot_id = secrets.token_hex(8)
        self._os_boot_id = os_boot_id(settings.power.os_boot_id_file)
        self._config = config
        self._hub_clock = HubClock()
        self._own = OwnTable(settings.commands)
        self._journal = Journal(
            database,
            os_boot_id=self._os_boot_id,
            expected=is_enrolled(settings.state) or database.damage is not None,
        )
        self._lost_journal = LostJournal(database)
        self._signed = self._signature_check(own_settings)
        self._book = Book(self._hub_clock.is_past, self._own, self._signed)
        self._outbox = DiskOutbox(database, boot_id=self._boot_id, bounds=self._bounds())
        self._production = Production(database)
        self._records = RecordQueue(database, bounds=self._record_bounds())
        self._intake = RecordIntake(self._records, self._production, company_id=settings.company_id)
        self._full_queue = FullQueueAlert(self._records, self._outbox)
        self._cloud = cloud
        self._uplink = Uplink()
        self._versions = Versions(Path(settings.versions_dir)) if settings.versions_dir else None
        self._software = InstalledSoftware(
            settings.installers, settings.firmware.floors, database=database
        )
        self._http = _client(settings.line_hub, way_out_of_line)
        self._at_hub = _client(settings.hub, way_out) if settings.certificate_hub else self._http
        self._enrolment = Enrolment(
            http=self._at_hub,
            device_id=settings.id,
            about=_about(settings),
            key=key,
            path=settings.state / "token.json",
            hub_clock=self._hub_clock,
        )
        self._certificate = self._make_certificate()
        self._to_hub = HubCourier(
            self._records, self._outbox, http=self._http, tokens=self._enrolment
        )
        self._to_cloud = CloudCourier(self._records, self._outbox, client=cloud)
        self._sharing = Sharing(settings.socket_group)
        self._broker = BrokerParts(
            settings,
            way_out_of_broker,
            agent=user_agent(),
            boot=self._os_boot_id,
            sharing=self._sharing,
            uid_of=uid_of,
            tell=self._tell,
        )
        self._programs = LocalPrograms(self._parts())
        self._software.changed.append(self._programs.note)
        self._trials = ConfigTrials(
            config, own_settings, self._health(), restart=lambda: self.end(End.RESTART)
        )
        self._proven = asyncio.Event()
        self._pinned = PinnedSoftware(
            database,
            self._software,
            self._versions,
            bring=lambda each: bring(each, self._tools),
            proven=self._proven,
        )
        self._workloads = self._make_workloads(own_settings)
        self._desired = DesiredKeeper(
            http=self._http,
            tokens=self._enrolment,
            uplink=self._uplink,
            config=config,
            trials=self._trials,
            small=SmallSections(
                database,
                self._production,
                self._records,
                switch=self._switch,
                changed=self._section_changed,
            ),
            pinned=self._pinned,
            workloads=self._workloads,
            needs_signature=self._signed.requires if self._signed else lambda _: False,
        )
        self._tools = self._make_tools()
        self._sessions = self._session_keeper(own_settings)
        self._runner = Runner(book=self._book, journal=self._journal, tools=self._tools)
        self._heartbeat = Heartbeat(
            disk_path=settings.metrics.disk_path,
            book=self._book,
            outbox=self._outbox,
            records=self._records,
            production=self._production,
            readiness=self._programs.readiness,
            programs=self._programs.metrics,
            standings=self._broker.standings,
            is_degraded=lambda: self._runner.journal_failing,
        )
        self._damages = [each for each in (database.damage, self._config.damage) if each]
        self._config_changed = asyncio.Event()
        self._config.changed.append(self._config_changed.set)
        self._take_up_config()

    def _make_certificate(self) -> DeviceCertificate | None:
        if not self._settings.certificate_hub:
            return None
        return DeviceCertificate(
            context=self._way_out_of_line.context,
            at_listener=self._http,
            at_hub=self._at_hub,
            device_id=self._settings.id,
            token=self._enrolment.token,
            folder=self._settings.state,
            hub_clock=self._hub_clock,
            reconnect=self._uplink.end,
        )

    def _make_workloads(self, own: Settings) -> WorkloadKeeper | None:
        """By the device's own file, whatever was pushed."""
        if own.workloads is None or not own.has_workloads:
            return None
        return make_workloads(
            own, own.workloads, database=self._database, outbox=self._outbox, uplink=self._uplink
        )

    def _session_keeper(self, own: Settings) -> SessionKeeper:
        """By the device's own file, whatever was pushed."""
        private = [*map(Path, own.own_paths), own.state, own.staging, own.socket_path.parent]
        if own.workloads is not None:
            private.append(Path(runtime_folder(own.workloads.runtime_dir, own.id)))
        return SessionKeeper(
            SessionPlace(
                hub=own.line_hub,
                device_id=own.id,
                settings=own.sessions,
                engine=own.engine_of_sessions,
                private=tuple(private),
                journal=own.state / "sessions.json",
            ),
            way_out=self._way_out_of_line,
            agent=user_agent(),
            tokens=self._enrolment,
            send=self._uplink.send,
            logs=self._tools.logs,
        )

    def _bounds(self) -> OutboxBounds:
        pushed = self._config.pushed.outbox.max_events
        outbox = self._settings.outbox
        return OutboxBounds(events=pushed or outbox.max_events, bytes=outbox.max_bytes)

    def _record_bounds(self) -> RecordBounds:
        pushed = self._config.pushed.queue.max_records
        records = self._settings.records
        return RecordBounds(records=pushed or records.max_records, bytes=records.max_bytes)

    def _hurry(self) -> None:
        self._to_hub.hurry()
        self._to_cloud.hurry()

    def _make_tools(self) -> Tools:
        return Tools(
            settings=self._settings,
            uplink=self._uplink,
            outbox=self._outbox,
            records=self._records,
            hurry=self._hurry,
            config=self._config,
            trials=self._trials,
            production=self._production,
            logs=LogSources(self._settings, self._own_log),
            http=self._http,
            enrolment=self._enrolment,
            versions=self._versions,
            software=self._software,
            pins=lambda: self._pinned.pins,
            updating=asyncio.Lock(),
            restart=lambda: self.end(End.RESTART),
            report_status=self._report_status,
            told=self._programs.told,
            workloads=self._workloads,
            heard=self._programs.heard,
        )

    def end(self, how: End) -> None:
        """Ask the agent to end; the first wish counts."""
        if self._end is not None and not self._end.done():
            self._end.set_result(how)

    async def run(self) -> End:
        """Until `end`, SIGTERM or SIGINT. Raises `AgentError`."""
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, End.STOP)
        async with contextlib.AsyncExitStack() as stack:
            for http in {self._http, self._at_hub}:
                await stack.enter_async_context(http)
            try:
                return await self._serve(self._end)
            except BaseExceptionGroup as group:
                raise fault_in(group) from None

    async def _serve(self, ending: "asyncio.Future[End]") -> End:
        record = self._record()
        rows = swapped(self._journal.load(), record.command_id if record else None)
        rows = rolled_back(rows, self._config.rolled_back)
        trial = self._config.trial
        going_on = trial.origin.command_id if trial else None
        await self._runner.put(self._book.load(rows, self._os_boot_id, going_on=going_on))
        await self._tell_damages()
        await self._programs.prepare()
        await self._sessions.end_left_behind()
        if not self._settings.firmware.trusted_keys:
            _log.warning("firmware_unsigned", advice="name the keys in firmware.trusted_keys")
        if self._cloud is None:  # the settings may have named one before
            await self._records.forget_cloud()
        async with asyncio.TaskGroup() as tasks:
            parts = [
                tasks.create_task(part)
                for part in (
                    self._runner.run(),
                    self._lost_journal.run(),
                    self._programs.run(),
                    self._broker.run(),
                    self._drop_folder().run(),
                    self._to_hub.run(),
                    self._to_cloud.run(),
                    self._send_events(),
                    self._report_for_ever(),
                    self._heartbeat.follow(self._report_status),
                    self._enrolment.run(lambda token: self._uplink.send(Auth(token=token))),
                    self._connect(),
                    *([] if self._certificate is None else [self._certificate.run()]),
                    self._proof().run(),
                    self._software.follow(),
                    self._update_itself(),
                    self._sessions.run(),
                    self._desired.run(),
                    *([] if self._workloads is None else [self._workloads.run()]),
                    self._desired.go_on(self._push_ended),
                )
            ]
            how = await ending
            _log.info("agent_ends", restart=how is End.RESTART)
            await self._settle()
            await self._lost_journal.keep()
            for part in parts:
                part.cancel()
        return how

    async def _tell_damages(self) -> None:
        for damage in self._damages:
            _log.error("state_damaged", what=damage.what)
            await self._tell(Alert(severity="CRITICAL", code="state_damaged", message=damage.what))

    async def _tell(self, alert: Alert) -> None:
        with contextlib.suppress(JournalUnavailable):  # then the log has it
            await self._outbox.add(alert)

    async def _settle(self) -> None:
        """Give commands that are nearly done a moment; what is cut off is reported as unknown."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._runner.settled()
        except TimeoutError:
            return
        await self._uplink.say_goodbye()

    def _parts(self) -> AgentParts:
        return AgentParts(
            settings=self._settings,
            sharing=self._sharing,
            config=self._config,
            production=self._production,
            records=self._records,
            intake=self._intake,
            full=self._full_queue.note,
            outbox=self._outbox,
            versions=partial(installed, self._versions, self._settings.staging, self._software),
            reported=self._software.reports.note,
            status=lambda: self._heartbeat.word,
            connected=lambda: self._uplink.has_line,
            fingerprint=lambda: self._enrolment.fingerprint,
            tokens=self._broker.tokens,
            workloads=lambda: self._workloads and self._workloads.shown(),
        )

    def _drop_folder(self) -> DropFolder:
        settings = self._settings
        rejected = settings.state / "rejected"
        return DropFolder(
            settings.drop_folder,
            self._intake,
            self._records,
            rejected=rejected,
            sharing=self._sharing,
        )

    def _connection(self) -> Connection:
        return Connection(
            hub=self._settings.line_hub,
            way_out=self._way_out_of_line,
            agent=user_agent(),
            tokens=self._enrolment,
            certificate=self._certificate,
            book=self._book,
            hub_clock=self._hub_clock,
            hello=self._hello,
            uplink=self._uplink,
            events=self._outbox,
            effects=self._runner,
            opened=self._line_opened,
            handed_over=self._desired.handed_over,
            session_asked=self._sessions.asked,
        )

    async def _connect(self) -> None:
        """For ever: whether this device is wanted is for the hub to say, not for its agent."""
        await self._software.look()  # the first frame says what is installed
        connection = self._connection()
        while True:
            try:
                await connection.run()
            except TurnedAway as error:
                _log.error("turned_away", reason=str(error), retry_in=round(error.retry_after))
                if self._workloads is not None:
                    _log.warning("containers_stay", advice="longline device workloads purge")
                await asyncio.sleep(error.retry_after)

    def _line_opened(self) -> None:
        self._enrolment.look()
        self._heartbeat.line_opened()
        self._report_status()
        self._to_hub.hurry()  # the hub is there
        self._desired.line_opened()

    async def _switch(self, mode: ConnectionMode) -> None:
        """Raises `CommandFailed` without access to a cloud, and `JournalUnavailable`."""
        if self._cloud is None and mode == "DIRECT_CLOUD":
            await self._outbox.add(Alert(severity="WARN", code="no_cloud", message=NO_CLOUD))
            raise CommandFailed("no_cloud", NO_CLOUD)
        await self._records.switch(mode)

    async def _section_changed(self) -> None:
        self._report_status()
        await self._programs.heard()

    def _signature_check(self, own: Settings) -> SignatureCheck | None:
        """By the device's own file, whatever was pushed."""
        if own.signed_commands is None:
            return None
        clocks = Clocks(time.time, self._hub_clock.time)
        return SignatureCheck(own.signed_commands, own.id, clocks, self._lost_journal.left)

    def _health(self) -> Health:
        return Health(
            self._settings.config,
            healthy_seconds=self._settings.firmware.healthy_seconds,
            stood=self._uplink.stood,
            state=self._programs.line,
        )

    async def _push_ended(self, trial: ConfigTrial, failure: CommandFailed | None) -> None:
        """Of a push whose trial took a restart of the agent."""
        if trial.origin.command_id is not None:
            command_id = CommandId(trial.origin.command_id)
            ended = failure or pushed(self._config, trial.change)
            await self._runner.finish(command_id, ended)

    def _proof(self) -> Proof:
        return Proof(
            self._versions,
            self._settings.firmware,
            uplink=self._uplink,
            outbox=self._outbox,
            software=self._software,
            proven=self._proven,
            give_up=lambda: self.end(End.RESTART),
        )

    async def _update_itself(self) -> None:
        """For ever, where the device's file says so."""
        update, options = self._settings.update, self._way_out.options(self._settings.update.source)
        if update.source == HUB:
            return
        async with httpx.AsyncClient(
            base_url=update.source,
            timeout=HTTP_SECONDS,
            **options,
            headers={"User-Agent": user_agent()},
            event_hooks={"request": [only_to(update.source)]},
        ) as http:
            plain = PlainSource(http, update.channel)
            tuf = TufSource(update, self._settings.state / "source", options)
            await Poller(
                update,
                plain if update.verify == "sha256" else tuf,
                database=self._database,
                software=self._software,
                versions=self._versions,
                pins=lambda: self._pinned.pins,
                hub_time=lambda: self._hub_clock.time(time.monotonic()),
                proven=self._proven,
                bring=lambda each: bring(each, self._tools, http),
                failed=self._update_failed,
            ).run()

    async def _update_failed(self, message: str) -> None:
        with contextlib.suppress(JournalUnavailable):  # then the log has it
            await self._outbox.add(Alert(severity="WARN", code="update_failed", message=message))

    def _hello(self) -> Hello:
        return Hello(
            boot_id=self._boot_id,
            agent_version=agent_version(),
            journal_id=self._journal.journal_id,
            commands=[*self._takes(), *self._own.types()],
            custom=self._own.said(),
            unfinished=self._book.unfinished(),
            config_version=self._config.version,
            config_hash=self._config.hash,
            config_rolled_back=CommandId(self._config.rolled_back)
            if self._config.rolled_back
            else None,
            accepts=[DESIRED, *self._own.accepts(), *ACCEPTS],
            sections=self._desired.sections(),
            installers=self._installs(),
            update_source=self._settings.update.source,
            versions=self._software.versions,
            barred=[bar.sha256 for bar in self._versions.bars()] if self._versions else [],
            replaced=CommandId(ended) if (ended := replaced_update(self._record())) else None,
            unsigned=takes_unsigned(
                self._settings.installers, has_keys=bool(self._settings.firmware.trusted_keys)
            ),
        )

    def _takes(self) -> list[str]:
        """Types of commands."""
        without = () if self._workloads else (RESTART_WORKLOAD,)
        return [name for name in COMMANDS if name not in without]

    def _record(self) -> UpdateRecord | None:
        return self._versions.read() if self._versions else None

    def _installs(self) -> list[str] | None:
        """The types that it installs; None for a device of which something else takes care."""
        if self._settings.firmware.stage_only:
            return None
        return [*([AGENT_TYPE] if self._versions else []), *self._software.types]

    def _report_status(self) -> None:
        self._uplink.send(self._heartbeat.status())

    async def _report_for_ever(self) -> None:
        while True:
            pushed = self._config.pushed.metrics.interval_seconds
            try:
                async with asyncio.timeout(pushed or self._settings.metrics.interval_seconds):
                    await self._config_changed.wait()
            except TimeoutError:
                self._report_status()
            else:
                self._config_changed.clear()
                self._take_up_config()
                await self._take_up_bounds()

    def _take_up_config(self) -> None:
        self._records.bounds = self._record_bounds()
        self._own_log.level = self._config.pushed.logs.level or self._settings.logs.level

    async def _take_up_bounds(self) -> None:
        try:
            await self._outbox.rebound(self._bounds())
        except JournalUnavailable as error:
            _log.error("outbox_not_shortened", reason=str(error))

    async def _send_events(self) -> None:
        """What the outbox holds, in order, on whichever line there is."""
        while True:
            line = await self._uplink.opened()
            try:
                for frame in await self._outbox.take():
                    await self._uplink.hand_over(frame, line)
            except LineLost:
                # What was taken for the old line may not begin the new one in the middle.
                self._outbox.rewind()
            except JournalUnavailable as error:
                _log.error("outbox_not_read", reason=str(error))
                await asyncio.sleep(READ_AGAIN_SECONDS)
                self._outbox.rewind()


def _client(hub: str, way_out: WayOut) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=hub,
        timeout=HTTP_SECONDS,
        **way_out.options(hub),
        headers={"User-Agent": user_agent()},
        event_hooks={"request": [only_to(hub)]},
    )


def _about(settings: Settings) -> dict[str, str]:
    """What the hub is told of the device when it gives out a token."""
    return {
        name: value
        for name, value in (
            ("name", settings.name),
            ("companyId", settings.company_id),
            ("productionLineId", settings.production_line_id),
            ("version", agent_version()),
        )
        if value is not None
    }
