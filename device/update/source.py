"""The sources of a device that updates itself: a TUF repository, or a plain `latest.json`."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from device.base.errors import HubUnreachable
from device.settings import UpdateSettings
from device.update.artifact import UpdateRefused
from device.update.polled import LATEST, Offer, offers_in

MOST_BYTES: Final = 1024 * 1024
"""Of a `latest.json`."""
OK: Final = 200
SECONDS: Final = 30.0


class UpdateSource(Protocol):
    async def look(self, now: float) -> list[Offer]:
        """What there is in the channel, at this time (seconds since the epoch), with paths below
        the source. Raises `HubUnreachable`, and `UpdateRefused` for what is not to be believed."""
        ...


class PlainSource:
    """Believes nothing: each artifact has to be signed by a trusted key."""

    def __init__(self, http: httpx.AsyncClient, channel: str) -> None:
        self._http = http
        self._path = f"{channel}/{LATEST}"

    async def look(self, now: float) -> list[Offer]:
        try:
            async with self._http.stream("GET", self._path) as answer:
                if answer.status_code != OK:
                    raise HubUnreachable(f"the source answered {answer.status_code}")
                raw = b""
                async for chunk in answer.aiter_bytes():
                    raw += chunk
                    if len(raw) > MOST_BYTES:
                        raise UpdateRefused("bad_source", f"{LATEST} has over {MOST_BYTES} bytes")
        except httpx.HTTPError as error:
            raise HubUnreachable(f"{type(error).__name__}: {error}") from None
        return offers_in(raw)


class TufSource:
    """`folder` keeps what the repository said last, so that it can't go back."""

    def __init__(self, settings: UpdateSettings, folder: Path, options: dict[str, Any]) -> None:
        """`options` are for the client of HTTP."""
        self._settings = settings
        self._folder = folder
        self._options = options

    async def look(self, now: float) -> list[Offer]:
        return await asyncio.to_thread(self._look, now)

    def _look(self, now: float) -> list[Offer]:
        try:
            from device.update.tuf_client import read
        except ImportError:
            raise UpdateRefused("no_tuf", "the package tuf is not installed") from None
        root = Path(self._settings.root_file or "")
        with httpx.Client(timeout=SECONDS, **self._options) as http:
            return read(
                source=self._settings.source.rstrip("/"),
                channel=self._settings.channel,
                folder=self._folder,
                root=root.read_bytes(),
                now=datetime.fromtimestamp(now, UTC),
                fetch=_fetcher(http),
            )


def _fetcher(http: httpx.Client) -> Callable[[str], Iterator[bytes]]:
    def fetch(url: str) -> Iterator[bytes]:
        with http.stream("GET", url) as answer:
            answer.raise_for_status()
            yield from answer.iter_bytes()

    return fetch
