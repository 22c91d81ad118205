"""The agent's version, as `hello` and the registration report it."""

from importlib.metadata import PackageNotFoundError, version


def agent_version() -> str:
    try:
        return version("longline")
    except PackageNotFoundError:
        return "0"
