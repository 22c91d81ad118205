"""Every scenario by its name, in the order in which they are run."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.bench.scenarios import (
    commands,
    connections,
    dispatch,
    fanout,
    ingest,
    replicas,
    scaling,
    scopes,
    soak,
)
from tests.bench.subject import Pace, Rows

Scenario = Callable[[Any, Pace], Awaitable[Rows]]

ON_THE_HUB: Final[dict[str, Scenario]] = {
    "ingest-streaming": ingest.streaming,
    "ingest-sparse": ingest.sparse,
    "ingest-overload": ingest.overload,
    "fan-out-50x20": fanout.fan_out_50x20,
    "fan-out-1x200": fanout.fan_out_1x200,
    "filters": fanout.filters,
    "command-1": commands.command_1,
    "command-100": commands.command_100,
    "bulk": commands.bulk,
    "connections": connections.storm,
    "connections-tls": connections.storm_by_certificate,
    "scale-devices": scaling.devices,
    "scale-dashboards": scaling.dashboards,
    "scoped-dashboards": scopes.scoped_dashboards,
    "soak": soak.soak,
}
"""Each on a hub of its own."""

ALONE: Final[dict[str, Scenario]] = {
    "dispatch": dispatch.dispatch,
    "replicas": replicas.replicas,
}
"""These start what they measure."""


def about(scenario: Scenario) -> str:
    return " ".join((scenario.__doc__ or "").split())
