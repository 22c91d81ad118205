"""Reads a TUF repository, whose layout is that of `longline firmware repo`. The one module of the
agent that sees `tuf`."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import httpx
from msgspec import structs
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, TargetFile, Updater, UpdaterConfig

from device.base.errors import HubUnreachable
from device.update.artifact import UpdateRefused
from device.update.polled import LATEST, Offer, offers_in

Fetch = Callable[[str], Iterator[bytes]]


class _Fetcher(FetcherInterface):
    def __init__(self, fetch: Fetch) -> None:
        self._chunks = fetch

    def _fetch(self, url: str) -> Iterator[bytes]:
        chunks = self._chunks(url)
        try:
            first = next(chunks, b"")
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise DownloadHTTPError(f"the source answered {status}", status) from None
        return _chained(first, chunks)


class _TimedUpdater(Updater):
    def set_time(self, now: datetime) -> None:
        """It has no public way to be told, and reads the wall clock of the device."""
        self._trusted_set.reference_time = now


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def read(
    *, source: str, channel: str, folder: Path, root: bytes, now: datetime, fetch: Fetch
) -> list[Offer]:
    """What the channel has. Raises `HubUnreachable`, and `UpdateRefused` for what is not signed,
    has expired, or is older than what was seen before."""
    targets = folder / "targets"
    targets.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        updater = _TimedUpdater(
            str(folder),
            f"{source}/metadata/",
            str(targets),
            f"{source}/targets/",
            fetcher=_Fetcher(fetch),
            config=UpdaterConfig(prefix_targets_with_hash=False),
            bootstrap=root,
        )
        updater.set_time(now)
        updater.refresh()
        content = Path(updater.download_target(_target(updater, f"{channel}/{LATEST}")))
        offers = offers_in(content.read_bytes())
        return [_vouched_for(offer, _target(updater, offer.path)) for offer in offers]
    except DownloadError as error:
        raise HubUnreachable(f"{type(error).__name__}: {error}") from None
    except (RepositoryError, ValueError, OSError) as error:
        raise UpdateRefused("bad_source", f"{type(error).__name__}: {error}") from None


def _target(updater: Updater, path: str) -> TargetFile:
    found = updater.get_targetinfo(path)
    if found is None:
        raise UpdateRefused("bad_source", f"the repository has no {path}")
    return found


def _vouched_for(offer: Offer, target: TargetFile) -> Offer:
    """With size and digest as the signed metadata has them."""
    digest = target.hashes.get("sha256")
    if digest is None:
        raise UpdateRefused("bad_source", f"{offer.path} has no SHA-256")
    return structs.replace(offer, path=f"targets/{offer.path}", size=target.length, sha256=digest)
