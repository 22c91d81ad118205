"""The hub's own way out, as its settings have it."""

from cloud.outward import CannotTrust, Outward, WayOut, problem_of
from hub.base.errors import ConfigurationError
from hub.base.settings import Settings


def way_out_of(settings: Settings) -> WayOut:
    """Raises `ConfigurationError`."""
    outward = Outward(
        ca_file=settings.ca_file, proxy=settings.proxy, no_proxy=tuple(settings.no_proxy)
    )
    problem = problem_of(outward)
    if problem is not None:
        raise ConfigurationError(f"LONGLINE_PROXY: {problem}")
    try:
        return WayOut(outward)
    except CannotTrust as error:
        raise ConfigurationError(f"LONGLINE_CA_FILE: {error}") from None
