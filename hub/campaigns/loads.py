"""What a campaign brings, as callers name it: the floors that keep releases and applications make
of a name what is sent."""

from typing import Protocol

from msgspec import Struct

from hub.base.principal import Principal
from hub.campaigns.records import Kind, Load


class Loaded(Struct, frozen=True):
    """`version`: what a device must say in the end; None = that its command succeeds is enough."""

    kind: Kind
    subject: str
    load: Load
    version: str | None = None


class ReleaseLoader(Protocol):
    async def __call__(self, by: Principal, release_id: str, allow_downgrade: bool, /) -> Loaded:
        """Raises `NotFound`."""
        ...


class ApplicationLoader(Protocol):
    async def __call__(self, by: Principal, name: str, revision: str, /) -> Loaded:
        """Raises `NotFound`, `Invalid`, `Forbidden`."""
        ...


class Loads:
    """Said before the first call."""

    release: ReleaseLoader
    application: ApplicationLoader
