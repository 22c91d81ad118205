"""The JSON Schema of every type in the table of routes. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hub.base.awaiting import Awaiting
from hub.web.contract.defaults import tell_defaults
from hub.web.contract.rules import Rules
from hub.web.contract.shapes import REF, Json
from hub.web.envelope import Page, ProblemDocument
from hub.web.route import Route
from protocol.commands import COMMANDS, CUSTOM, CommandSpec
from protocol.ids import CommandIdField, DeviceIdField


class RouteSchemas:
    """The JSON Schema of every type in the table."""

    def __init__(self, table: Sequence[Route], rules: Rules) -> None:
        kinds = list(dict.fromkeys(_kinds(table)))
        found, self.components = msgspec.json.schema_components(kinds, ref_template=REF)
        self._of: dict[Any, Json] = dict(zip(kinds, found, strict=True))
        self._queries = {
            kind: self.components.pop(str(self._of[kind]["$ref"]).rpartition("/")[2])
            for kind in dict.fromkeys(route.query for route in table if route.query)
        }
        bodies = [self._of[route.body] for route in table if route.body is not None]
        self.components = tell_defaults(self.components, bodies=bodies)
        for spec in (*COMMANDS.values(), CUSTOM):
            if spec.params.__name__ in self.components:
                self.components[spec.params.__name__] |= _command_extras(spec, rules)

    def of(self, kind: Any) -> Json:
        return {"type": "null"} if kind is None else self._of[kind]

    def query(self, kind: Any) -> Json:
        """The object schema of a query; it is no component, because parameters are listed."""
        return self._queries[kind]


def _kinds(table: Sequence[Route]) -> Iterable[Any]:
    for route in table:
        yield from (kind for kind in (route.query, route.body, route.answer) if kind is not None)
    yield from (Awaiting, Page, ProblemDocument, DeviceIdField, CommandIdField)


def _command_extras(spec: CommandSpec, rules: Rules) -> Json:
    return {
        "x-danger": str(spec.danger),
        "x-default-timeout-ms": spec.timeout_ms,
        "x-required-role": rules.role_of(spec.name),
        "x-safe-to-redeliver": spec.redeliverable,
    }
