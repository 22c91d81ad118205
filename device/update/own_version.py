"""The agent's version, as `hello` and the registration report it.

Code that came as an artifact has a `release.json` beside its packages, and is the version in it;
what was installed asks its distribution.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from device.update.artifact import MANIFEST, PRODUCT, Manifest

HOME: Final = Path(__file__).resolve().parents[2]
"""The directory that holds the packages."""


@cache
def agent_version() -> str:
    try:
        manifest = msgspec.json.decode((HOME / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return installed_version()
    return manifest.version if manifest.product == PRODUCT else installed_version()


def user_agent() -> str:
    """As it names itself in HTTP."""
    return f"longline-device/{agent_version()}"


def installed_version() -> str:
    try:
        return version("longline")
    except PackageNotFoundError:
        return "0"
