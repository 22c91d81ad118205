"""Asks registries for the digests of images: those that the settings list, and no others."""

import asyncio
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from msgspec import Struct

from hub.workloads.contents import Image, image_of
from hub.workloads.documents import RegistryLogin
from hub.workloads.registry_names import (
    ACCEPTED,
    ListedRegistries,
    digest_of,
    manifest_url,
    token_place,
)

log = structlog.get_logger(__name__)

SECONDS: Final = 5.0
"""For all the images of a revision together."""
LONGEST_ANSWER: Final = 64 * 1024
AT_ONCE: Final = 8
UNAUTHORIZED: Final = 401


class _Token(Struct):
    token: str | None = None
    access_token: str | None = None


_TOKEN: Final = msgspec.json.Decoder(_Token)


class RegistryClient:
    """`client` goes only where the settings allow it."""

    def __init__(
        self, client: httpx.AsyncClient, listed: ListedRegistries, seconds: float = SECONDS
    ) -> None:
        self._client = client
        self._listed = listed
        self._seconds = seconds

    async def digests(
        self, images: Collection[str], logins: dict[str, RegistryLogin]
    ) -> dict[str, str]:
        """Of these images, as they are written, those that could be had in time. `logins` by
        host."""
        found: dict[str, str] = {}
        turn = asyncio.Semaphore(AT_ONCE)

        async def ask(text: str, image: Image, base: str) -> None:
            async with turn:
                digest = await self._digest(image, base, logins.get(image.host))
            if digest is not None:
                found[text] = digest

        try:
            async with asyncio.timeout(self._seconds), asyncio.TaskGroup() as tasks:
                for text in images:
                    image = image_of(text)
                    if image is None or image.digest:
                        continue
                    base = self._listed.base_of(image.host)
                    if base is not None:
                        tasks.create_task(ask(text, image, base))
        except TimeoutError:
            log.info("registry_too_slow", seconds=self._seconds)
        return found

    async def _digest(self, image: Image, base: str, login: RegistryLogin | None) -> str | None:
        url = manifest_url(base, image)
        try:
            answer = await self._head(url, login, None)
            if answer.status_code == UNAUTHORIZED:
                token = await self._token(answer, image, base, login)
                answer = answer if token is None else await self._head(url, None, token)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.info("registry_not_asked", host=image.host, error=type(error).__name__)
            return None
        return digest_of(answer.headers) if answer.is_success else None

    async def _head(
        self, url: str, login: RegistryLogin | None, token: str | None
    ) -> httpx.Response:
        headers = {"Accept": ACCEPTED}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self._client.head(url, headers=headers, auth=_basic(login))

    async def _token(
        self, answer: httpx.Response, image: Image, base: str, login: RegistryLogin | None
    ) -> str | None:
        place = token_place(answer.headers.get("www-authenticate", ""), image)
        if place is None:
            return None
        if not _may_see_password(place.realm, base):
            login = None
        found = await self._client.get(place.url, auth=_basic(login))
        if not found.is_success or len(found.content) > LONGEST_ANSWER:
            return None
        try:
            said = _TOKEN.decode(found.content)
        except msgspec.MsgspecError:
            return None
        return said.token or said.access_token


def _basic(login: RegistryLogin | None) -> httpx.Auth:
    if login is None or login.username is None or login.password is None:
        return httpx.Auth()
    return httpx.BasicAuth(login.username, login.password)


def _may_see_password(realm: str, base: str) -> bool:
    """One that is reached in clear only where the registry is itself."""
    place, own = urlsplit(realm), urlsplit(base)
    return place.scheme == "https" or place.netloc == own.netloc
