"""The device's token: got with the enrolment key, renewed with itself, kept in `token.json`.

All three are the same call, `POST {hub}/api/v1/devices/{id}/token`: with the enrolment key, or an
enrolment token, at first and whenever the hub no longer takes the token, with `Authorization:
Bearer` when a third of the token's life is left (`device.line.renewal`). The file is readable by
the agent alone. Where a person has to approve the device, it asks again with what it was given for
that (`device.line.enrolment_request`).
"""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import httpx
import msgspec
import structlog
from msgspec import Meta, Struct
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from device.base.errors import (
    BadSettings,
    EnrolmentRefused,
    HubUnreachable,
    WaitsForApproval,
)
from device.base.files import write_atomically
from device.line.asking import asked, life_of, retry_after
from device.line.enrolment_request import EnrolmentRequest, KeptRequest
from device.line.hub_clock import HubClock
from device.line.renewal import SHORTEST_SECONDS, due_in
from protocol.codec import decode, encode
from protocol.errors import InvalidMessage

_log = structlog.stdlib.get_logger()

REQUEST_FILE: Final = "enrollment_request.json"
_HEADER_TEXT: Final = re.compile(r"[\x21-\x7e]{1,256}")
UNAUTHORISED: Final = 401
REFUSED: Final = frozenset({401, 403, 404, 409})
FORBIDDEN: Final = 403
TOKEN_PREFIX: Final = "lle_"  # noqa: S105
"""Of enrolment tokens: everything else is an enrolment key."""
PENDING: Final = "pending_approval"
LATER: Final = frozenset({"reenroll_refused", PENDING, "quarantined"})
"""Codes of a 403 that is no refusal for good: ask again, as late as the hub says."""
RENEWAL_RETRY_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 60.0
"""At the latest: what the hub says of its time may have changed meanwhile."""


class IssuedToken(Struct, frozen=True, rename="camel"):
    """`data` of the hub's answer."""

    device_id: str
    token: Annotated[str, Meta(pattern=r"^[\x21-\x7e]+$(?!\n)")]
    expires_at: Annotated[datetime, Meta(tz=True)]


class _Answer(Struct, frozen=True):
    data: IssuedToken


_answer: Final = msgspec.json.Decoder(_Answer)


class _Kept(Struct, frozen=True):
    """`token.json`."""

    token: str
    expires: Annotated[datetime, Meta(tz=True)]
    life_seconds: float
    """From its issue to its end. Both are moments of the hub's clock."""


class _Problem(Struct, frozen=True, rename="camel"):
    """Of a problem document what an agent reads."""

    code: str = ""
    request_secret: str = ""
    fingerprint: str = ""


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Enrolment:
    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        device_id: str,
        about: dict[str, str],
        key: str | None,
        path: Path | None,
        hub_clock: HubClock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`http` has the hub as its base URL, `about` is the query of the request. Without a `path`
        the token is kept in memory only."""
        self._http = http
        self._path = path
        self._device_id = device_id
        self._url = f"api/v1/devices/{quote(device_id, safe='')}/token"
        self._about = about
        self._key = key
        self._hub_clock = hub_clock
        self._clock = clock
        self._kept = _read(path) if path else None
        self._request = KeptRequest(path.with_name(REQUEST_FILE) if path else None)
        self._changed = asyncio.Event()

    @property
    def fingerprint(self) -> str | None:
        """What a person compares before approving this device; None while nobody has to."""
        request = self._request.now
        return None if request is None else request.fingerprint

    async def token(self) -> str:
        """The token, from the hub if there is none yet. Raises `HubUnreachable`,
        `EnrolmentRefused`, and `BadSettings` when there is neither a token nor a key."""
        if self._kept is None:
            self._kept = await self._enrol()
        return self._kept.token

    async def enrol(self) -> bool:
        """A new token by the key, whatever there was: a request that was rejected counts no more.
        Whether it is on disk. Raises as `token`."""
        try:
            self._kept = await self._enrol()
        except EnrolmentRefused:
            if self._request.now is None:
                raise
            self._request.forget()
            self._kept = await self._enrol()
        return self._path is not None and await asyncio.to_thread(_read, self._path) == self._kept

    async def replace(self) -> None:
        """The hub no longer takes the token. Raises `HubUnreachable`, also when the key is refused:
        a device that was once enrolled keeps trying."""
        try:
            self._kept = await (self._enrol() if self._key else self._renew())
        except (EnrolmentRefused, _Refused) as error:
            raise HubUnreachable(f"no new token: {error}", retry_after=30.0) from None

    def look(self) -> None:
        """The hub has said what time it is: the token may be due."""
        self._changed.set()

    async def run(self, renewed: Callable[[str], None]) -> None:
        """Renew when it is due, for ever; `renewed` is given each new token."""
        while True:
            due = self._due_in()
            if due == 0.0:
                async for attempt in _attempts():
                    with attempt:
                        await self._renew_or_enrol()
                renewed(await self.token())
                await asyncio.sleep(SHORTEST_SECONDS)
            else:
                await self._changed_within(LOOK_SECONDS if due is None else min(due, LOOK_SECONDS))
            self._changed.clear()

    def _due_in(self) -> float | None:
        if self._kept is None:
            return None
        return due_in(
            expires=self._kept.expires,
            life_seconds=self._kept.life_seconds,
            hub_now=self._hub_clock.time(self._clock()),
        )

    async def _changed_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _renew_or_enrol(self) -> None:
        try:
            self._kept = await self._renew()
        except _Refused:
            await self.replace()

    async def _enrol(self) -> _Kept:
        if self._key is None and self._request.now is None:
            raise BadSettings(
                "no token yet and no enrolment key or token: set LONGLINE_ENROLLMENT_KEY"
                " or enrollment_key_file"
            )
        try:
            return await self._ask({_header_for(self._key): self._key} if self._key else {})
        except _Refused as error:
            raise EnrolmentRefused(_why_refused(error.status)) from None

    async def _renew(self) -> _Kept:
        if self._kept is None:
            raise AssertionError("the agent has a token")
        return await self._ask({"Authorization": f"Bearer {self._kept.token}"})

    async def _ask(self, headers: dict[str, str]) -> _Kept:
        """One request. Raises `_Refused` and `HubUnreachable`."""
        answer = await asked(
            self._http, self._url, params=self._about, headers=self._with_request(headers)
        )
        if answer.status_code == FORBIDDEN:
            problem = _problem_of(answer.content)
            if problem.code in LATER:
                wait = retry_after(answer.headers)
                raise await self._later(problem, wait)
        if answer.status_code in REFUSED:
            raise _Refused(answer.status_code)
        if answer.status_code not in {200, 201}:
            message = f"the hub answered {answer.status_code}"
            raise HubUnreachable(message, retry_after=retry_after(answer.headers))
        return await self._keep(answer)

    def _with_request(self, headers: dict[str, str]) -> dict[str, str]:
        request = self._request.now
        return headers if request is None else {**headers, "X-Enrollment-Request": request.secret}

    async def _later(self, problem: _Problem, wait: float) -> HubUnreachable:
        """What the hub gives a device that waits is kept at once: it comes once."""
        if problem.code != PENDING:
            return HubUnreachable(f"the hub asks to retry later: {problem.code}", retry_after=wait)
        if _HEADER_TEXT.fullmatch(problem.request_secret):
            request = EnrolmentRequest(problem.request_secret, problem.fingerprint)
            await asyncio.to_thread(self._request.put, request)
        return WaitsForApproval(problem.fingerprint, retry_after=wait)

    async def _keep(self, answer: httpx.Response) -> _Kept:
        try:
            issued = decode(_answer, answer.content).data
        except InvalidMessage:
            raise HubUnreachable("the hub's answer is not a token") from None
        if issued.device_id != self._device_id:
            raise HubUnreachable("the hub's answer is another device's token")
        kept = _Kept(
            token=issued.token,
            expires=issued.expires_at,
            life_seconds=life_of(issued.expires_at, answer, self._hub_clock, self._clock()),
        )
        if self._path is not None:
            await asyncio.to_thread(_write, self._path, kept)
        self._request.forget()
        self._changed.set()
        return kept


def _attempts() -> AsyncRetrying:
    return AsyncRetrying(
        wait=wait_random_exponential(multiplier=1, max=RENEWAL_RETRY_SECONDS),
        retry=retry_if_exception_type(HubUnreachable),
    )


def _read(path: Path) -> _Kept | None:
    """What cannot be read is as good as none: the device enrols again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, kept: _Kept) -> None:
    try:
        write_atomically(path, encode(kept))
    except OSError as error:
        # The token in memory serves until the next start, which enrols again.
        _log.warning("token_not_kept", reason=error.strerror)


def _header_for(key: str) -> str:
    return "X-Enrollment-Token" if key.startswith(TOKEN_PREFIX) else "X-Enrollment-Key"


def _problem_of(content: bytes) -> _Problem:
    """An empty one when it is none."""
    try:
        return msgspec.json.decode(content, type=_Problem)
    except msgspec.MsgspecError:
        return _Problem()


def _why_refused(status: int) -> str:
    if status == UNAUTHORISED:
        return f"the hub does not accept the enrolment key ({status})"
    return f"the hub, or a proxy in between, refused to enrol this device ({status})"
