"""The process of an agent: from its settings to its exit code, or to the agent that it becomes."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path

import structlog

from cloud.access import Access
from cloud.client import CloudClient
from cloud.outward import CannotTrust, Outward, WayOut
from device.agent import Agent, End
from device.base.database import Database
from device.base.errors import EXIT_RESTART, AgentError, BadSettings
from device.base.state_directory import claimed, os_boot_id
from device.config.patch import PushedConfig
from device.config.pushed import with_pushed
from device.config.store import ConfigStore
from device.logs.log_file import LogFile
from device.logs.own_log import OwnLog
from device.settings import Settings
from device.update.own_version import user_agent
from device.update.versions import note_end

_log = structlog.stdlib.get_logger()


def run_agent(settings: Settings, *, key: str | None, cloud: Access | None = None) -> int:
    """Run until the end and return the exit code. Raises `AgentError`.

    After `restart_service` this process becomes the restarted agent: it executes `restart_argv`,
    or its own command line again; with `supervised` it returns 75 instead."""
    own_log = OwnLog(settings.logs.level)
    own_log.configure()
    structlog.contextvars.bind_contextvars(device=settings.id)
    with claimed(settings.state), _logged(own_log, settings.state):
        config = ConfigStore(
            settings.state / "config.json",
            os_boot_id=os_boot_id(settings.power.os_boot_id_file),
            pushable=settings.config.pushable,
        )
        effective, way_out = _with_pushed(settings, config)
        client = _cloud_client(effective, cloud) if cloud else None
        database = Database(Path(settings.state) / "state.db")
        try:
            agent = Agent(
                effective,
                own_settings=settings,
                config=config,
                key=key,
                way_out=way_out,
                way_out_of_line=_of_line(way_out, effective),
                way_out_of_broker=_beside(way_out, effective.outward, effective.outward_of_broker),
                cloud=client,
                database=database,
                own_log=own_log,
            )
            how = asyncio.run(agent.run())
        finally:
            database.close()
    note_end(settings.versions_dir)
    return 0 if how is End.STOP else _start_again(settings)


def _with_pushed(settings: Settings, config: ConfigStore) -> tuple[Settings, WayOut]:
    """What was pushed and cannot be used is left out: the device's own file may still be good."""
    try:
        effective = with_pushed(settings, config.pushed)
        return effective, WayOut(effective.outward)
    except (BadSettings, CannotTrust) as error:
        if config.pushed == PushedConfig():
            raise BadSettings(str(error)) from None
        _log.error("pushed_settings_not_used", reason=str(error))
        return settings, _way_out(settings.outward)


@contextlib.contextmanager
def _logged(own_log: OwnLog, state: Path) -> Generator[None]:
    """Keep the log, and in it what ended the agent."""
    own_log.keep_in(LogFile(state / "agent.log"))
    try:
        yield
    except AgentError as error:
        _log.error("agent_failed", reason=error.message)
        raise
    except Exception:
        _log.exception("agent_failed")
        raise


def _cloud_client(settings: Settings, access: Access) -> CloudClient:
    way_out = _way_out(settings.outward_to_cloud)
    return CloudClient(access, agent=user_agent(), way_out=way_out)


def _of_line(way_out: WayOut, settings: Settings) -> WayOut:
    """Its own, where a certificate is shown: to the hub alone."""
    return _way_out(settings.outward) if settings.certificate_hub else way_out


def _beside(way_out: WayOut, its: Outward, wanted: Outward) -> WayOut:
    """`way_out`, where that will do: the certificates of a system are some MiB."""
    return way_out if wanted == its else _way_out(wanted)


def _way_out(outward: Outward) -> WayOut:
    try:
        return WayOut(outward)
    except CannotTrust as error:
        raise BadSettings(str(error)) from None


def _start_again(settings: Settings) -> int:
    argv = settings.power.restart_argv
    if settings.supervised and settings.versions_dir:
        return EXIT_RESTART  # the launcher decides which version is next
    if argv is None:
        if settings.supervised:
            return EXIT_RESTART
        argv = (sys.executable, *sys.orig_argv[1:])
    sys.stderr.flush()
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606
    except OSError as error:
        raise AgentError(f"cannot start {argv[0]}: {error.strerror}") from None
