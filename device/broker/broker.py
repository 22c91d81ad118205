"""The broker of this device: a keeper for each token, and what others may know of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from device.base.broker_settings import RELEASE, BrokerClient, BrokerSettings
from device.base.sharing import Sharing
from device.broker.boottime import boottime
from device.broker.issuer import ClientSource, IssuedBy, Issuer, ReleaseSource
from device.broker.notebook import Notebook
from device.broker.notes import TokenNotes, digest_of
from device.broker.outbound import Outbound
from device.broker.probes import Probes
from device.broker.standing import Standing, TokenInfo
from device.broker.token_files import TokenFiles
from device.broker.token_keeper import TokenKeeper
from protocol.telemetry import Alert

_log = structlog.stdlib.get_logger()

AGAIN_SECONDS: Final = 10.0
"""After the directory of the tokens could not be used."""
LOOK_SECONDS: Final = 5.0

Tell = Callable[[Alert], Awaitable[None]]


class TokenBroker:
    def __init__(
        self,
        settings: BrokerSettings,
        *,
        boot: str,
        insecure: bool,
        outbound: Outbound,
        tell: Tell,
    ) -> None:
        """`boot` names the present start of the machine; `tell` sends an alert."""
        self._settings = settings
        self._boot = boot
        self._tell = tell
        self._outbound = outbound
        self._issuer = Issuer(settings, self._outbound, insecure=insecure)
        self._place = Path(settings.tokens_dir)
        self._files = TokenFiles(self._place, _shares(settings), Sharing(settings.group))
        self._notebook = Notebook(self._files, self._place, boot=boot)
        self._own_came = asyncio.Event()
        self._keepers = {keeper.name: keeper for keeper in self._make_keepers()}
        self._probes = Probes(settings.endpoint, self._outbound)
        self._begun = asyncio.Event()

    def _make_keepers(self) -> list[TokenKeeper]:
        settings = self._settings
        credentials = Path(settings.credentials_dir)
        keepers = [
            self._keeper(client.name, ClientSource(client, self._issuer, credentials), client)
            for client in settings.each_client
        ]
        if settings.release_token_url and settings.own:
            source = ReleaseSource(
                settings.release_token_url,
                self._outbound,
                own=settings.own,
                token=self.token,
                came=self._own_came,
            )
            keepers.append(self._keeper(RELEASE, source, None))
        return keepers

    def _keeper(self, name: str, source: IssuedBy, client: BrokerClient | None) -> TokenKeeper:
        return TokenKeeper(
            name,
            source,
            files=self._files,
            notebook=self._notebook,
            digest=digest_of(self._settings, client),
            issuer_time=self._issuer.clock.time,
            expiring=self._expiring,
            renewed=self._renewed,
        )

    def token(self, name: str) -> str | None:
        """One that is good now."""
        keeper = self._keepers.get(name)
        return keeper.token if keeper else None

    @property
    def standings(self) -> dict[str, Standing]:
        """By name: of tokens and endpoints."""
        tokens = {keeper.name: keeper.standing for keeper in self._keepers.values()}
        return {**tokens, **self._probes.standings}

    @property
    def tokens(self) -> list[TokenInfo]:
        return [keeper.info for keeper in self._keepers.values()]

    async def begun(self) -> None:
        """Wait until it is known which tokens are good."""
        await self._begun.wait()

    async def run(self) -> None:
        """For ever."""
        async with self._outbound, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._probes.run())
            tasks.create_task(self._watch_clock())
            if self._keepers or self._place.exists():
                await self._begin()
            self._begun.set()
            for keeper in self._keepers.values():
                tasks.create_task(keeper.run())

    async def _begin(self) -> None:
        while True:
            try:
                await self._resume()
            except OSError as error:
                problem = f"cannot use {self._place}: {error.strerror}"
                _log.error("tokens_dir_unusable", reason=problem)
                for keeper in self._keepers.values():
                    keeper.cannot_begin(problem)
                self._begun.set()
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _resume(self) -> None:
        """Raises `OSError`."""
        await asyncio.to_thread(self._files.prepare)
        notes = await asyncio.to_thread(self._notebook.open)
        if self._notebook.damage is not None:
            what = self._notebook.damage.what
            await self._tell(Alert(severity="CRITICAL", code="state_damaged", message=what))
        await self._forget_others(notes)
        for name, keeper in self._keepers.items():
            await keeper.resume(notes.tokens.get(name), same_boot=notes.boot == self._boot)

    async def _forget_others(self, notes: TokenNotes) -> None:
        """What was written for clients that are no longer configured. Raises `OSError`."""
        for name in notes.tokens.keys() - self._keepers.keys():
            try:
                await asyncio.to_thread(self._files.remove_directory, name)
            except OSError as error:  # and again at the next start
                _log.error("token_not_removed", token=name, reason=error.strerror)
            else:
                await self._notebook.drop(name)
                _log.info("token_removed", token=name, reason="no longer configured")

    def _renewed(self, name: str) -> None:
        if name == self._settings.own:
            self._own_came.set()

    async def _expiring(self, message: str) -> None:
        await self._tell(Alert(severity="WARN", code="token_expiring", message=message))

    async def _watch_clock(self) -> None:
        while True:
            alarm = self._issuer.clock.alarm(time.time(), boottime())
            if alarm is not None:
                _log.warning("clock_skew", reason=alarm)
                await self._tell(Alert(severity="WARN", code="clock_skew", message=alarm))
            await asyncio.sleep(LOOK_SECONDS)


def _shares(settings: BrokerSettings) -> dict[str, Sharing]:
    groups = {client.name: client.group for client in settings.each_client}
    return {name: Sharing(group) for name, group in groups.items() if group is not None}
