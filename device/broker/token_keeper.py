"""Keeps one token: asks for it, puts it where programs find it, takes it away at its end."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from device.broker.answers import Issued, NothingToAskWith, NoToken
from device.broker.boottime import boottime
from device.broker.issuer import IssuedBy
from device.broker.lifetime import (
    Lifetime,
    Step,
    answered,
    began,
    failed,
    not_sent,
    removed,
    resumed,
    sent,
    step,
    wait,
)
from device.broker.notebook import Notebook
from device.broker.notes import TokenNote, lifetime_of, note_of, way_of
from device.broker.standing import Standing, TokenInfo, life_said, said_of, standing_of
from device.broker.token_files import TokenFiles

_log = structlog.stdlib.get_logger()

LOOK_SECONDS: Final = 1.0
"""A machine that slept looks so soon what is over."""
CANNOT_WRITE: Final = "cannot write the token"
CANNOT_REMOVE: Final = "cannot remove the token that has ended"


class TokenKeeper:
    def __init__(
        self,
        name: str,
        source: IssuedBy,
        *,
        files: TokenFiles,
        notebook: Notebook,
        digest: str,
        issuer_time: Callable[[float], float | None],
        expiring: Callable[[str], Awaitable[None]],
        renewed: Callable[[str], None],
    ) -> None:
        """`digest`: of the settings that it is asked with; `expiring` is told of a renewal that
        failed, while there is still a token; `renewed`, by name, of one that came."""
        self.name: Final = name
        self._source = source
        self._files = files
        self._notebook = notebook
        self._digest = digest
        self._issuer_time = issuer_time
        self._expiring = expiring
        self._renewed = renewed
        self._lifetime = Lifetime()
        self._token: str | None = None
        self._error: str | None = None
        self._life: str | None = None
        self._left_behind = False
        """Whether the file of a token that is over could not be removed."""
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()

    @property
    def token(self) -> str | None:
        """While it is good."""
        over = step(self._lifetime, boottime()) is Step.REMOVE
        return self._token if self._lifetime.is_held and not over else None

    @property
    def standing(self) -> Standing:
        return standing_of(self._lifetime, self._error, life=self._life)

    @property
    def info(self) -> TokenInfo:
        return said_of(self._lifetime, self.name, self._error, boottime())

    def cannot_begin(self, error: str) -> None:
        self._error = error

    async def resume(self, note: TokenNote | None, *, same_boot: bool) -> None:
        """Go on from what was noted."""
        self._error = None
        if note is None:
            return
        now = boottime()
        is_same = note.settings == self._digest
        self._source.way = way_of(note) if is_same else self._source.way
        self._token = await self._present()
        known = lifetime_of(note, self._token, same_boot=same_boot)
        self._lifetime = resumed(known, now, is_same=is_same)
        if not self._lifetime.is_held:
            await self._clear()
        self._life = life_said(self._lifetime, now, None)

    async def _present(self) -> str | None:
        """What is in its place."""
        try:
            return await asyncio.to_thread(self._files.read, self.name)
        except OSError:
            return None

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                match step(self._lifetime, boottime()):
                    case Step.ASK:
                        self._lifetime = began(self._lifetime)
                        tasks.create_task(self._ask())
                    case Step.REMOVE:
                        await self._remove()
                    case Step.WAIT:
                        if self._left_behind:
                            await self._clear()
                        await self._pause(min(wait(self._lifetime, boottime()), LOOK_SECONDS))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _ask(self) -> None:
        try:
            issued = await self._source.fetch(self._note_sent)
            await self._take(issued)
        except NothingToAskWith as error:
            await self._fail(not_sent(self._lifetime, boottime()), error.message)
        except NoToken as error:
            draw = random.random()  # noqa: S311
            after = failed(self._lifetime, boottime(), draw, after=error.after)
            await self._fail(after, error.message)
        except OSError as error:
            draw = random.random()  # noqa: S311
            after = failed(self._lifetime, boottime(), draw)
            await self._fail(after, f"{CANNOT_WRITE}: {error.strerror}")
        self._wake.set()

    async def _note_sent(self) -> None:
        """Before the request, so that a restart asks no sooner than it should."""
        self._lifetime = sent(self._lifetime, boottime())
        await self._note({})

    async def _note(self, lives: Mapping[str, Lifetime]) -> None:
        """What is in its place, and what may be there after a crash."""
        if self._lifetime.is_held and self._token is not None:
            lives = {self._token: self._lifetime, **lives}
        note = note_of(self._lifetime.asked, lives, self._source.way, self._digest)
        await self._notebook.put(self.name, note)

    async def _take(self, issued: Issued) -> None:
        """Raises `NoToken` and `OSError`."""
        async with self._turn:
            held = answered(self._lifetime, issued.life, random.random())  # noqa: S311
            now = boottime()
            if step(held, now) is Step.REMOVE:
                raise NoToken("the token was over before it came")
            await self._note({issued.token: held})
            await asyncio.to_thread(self._files.write, self.name, issued.token)
            self._lifetime, self._token, self._error = held, issued.token, None
            self._life = life_said(held, now, self._issuer_time(now))
        _log.info("token_renewed", token=self.name, expires_in=held.expires_in(now))
        self._renewed(self.name)

    async def _fail(self, lifetime: Lifetime, error: str) -> None:
        """What failed first is told; how long it goes on is to be seen in the state."""
        first = lifetime.failures == 1 or error != self._error
        self._lifetime, self._error = lifetime, error
        if first:
            _log.warning("token_not_renewed", token=self.name, reason=error)
        left = lifetime.expires_in(boottime())
        if lifetime.failures == 1 and left is not None:
            await self._expiring(f"{self.name}: the token ends in {left:.0f} s: {error}")

    async def _remove(self) -> None:
        async with self._turn:
            if step(self._lifetime, boottime()) is Step.REMOVE:
                self._lifetime, self._token = removed(self._lifetime), None
                _log.warning("token_ended", token=self.name)
                self._left_behind = True
        await self._clear()

    async def _clear(self) -> None:
        """Take away the file of a token that is over, now or as soon as that goes."""
        async with self._turn:
            if self._lifetime.is_held:  # the next token is there already
                self._left_behind = False
                return
            try:
                await asyncio.to_thread(self._files.remove, self.name)
            except OSError as error:
                self._left_behind = True
                self._error = f"{CANNOT_REMOVE}: {error.strerror}"
            else:
                self._left_behind = False
