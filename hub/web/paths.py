"""Which row of the route table a request is for.

A library's router asks every route in turn, with a regular expression each, and wraps the endpoint
four times over: a third of what a dispatched command costs. Here the path is split once and its
fixed segments are looked up. What is not in the table is the other application's.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class PathRow(Struct, frozen=True):
    """A path of the table: its template and its endpoints by method."""

    path: str
    endpoints: dict[str, Endpoint]


class _Shape:
    """Templates of one length that have their parameters at the same places."""

    def __init__(self, places: tuple[int, ...]) -> None:
        self.places = places
        self.named: dict[tuple[str, ...], tuple[tuple[str, ...], PathRow]] = {}
        """By the fixed segments: the names of the parameters, and the row."""

    def match(self, segments: list[str]) -> tuple[PathRow, dict[str, str]] | None:
        fixed = segments.copy()
        for place in self.places:
            fixed[place] = ""
        names, found = self.named.get(tuple(fixed), _NOTHING)
        if found is None:
            return None
        parameters = {name: segments[place] for name, place in zip(names, self.places, strict=True)}
        return (found, parameters) if all(parameters.values()) else None


_NOTHING: Final[tuple[tuple[str, ...], None]] = ((), None)
_NONE: Final[dict[str, str]] = {}


class PathTable:
    """An application: endpoints for the paths that were added, `otherwise` for all others.
    `not_allowed` answers for a known path with another method, given those it takes."""

    def __init__(self, otherwise: ASGIApp, not_allowed: Callable[[list[str]], Response]) -> None:
        self._otherwise = otherwise
        self._not_allowed = not_allowed
        self._fixed: dict[str, PathRow] = {}
        self._shapes: defaultdict[int, list[_Shape]] = defaultdict(list)
        """By their number of segments; those with the fewest parameters first."""

    def add(self, method: str, path: str, endpoint: Endpoint) -> None:
        """`path` with `{name}` for parameters."""
        self._found(path).endpoints[method] = endpoint

    def _found(self, path: str) -> PathRow:
        if "{" not in path:
            return self._fixed.setdefault(path, PathRow(path, {}))
        segments = path.split("/")
        places = tuple(n for n, segment in enumerate(segments) if segment.startswith("{"))
        names = tuple(segments[place][1:-1] for place in places)
        fixed = tuple("" if segment.startswith("{") else segment for segment in segments)
        shape = self._shape(len(segments), places)
        return shape.named.setdefault(fixed, (names, PathRow(path, {})))[1]

    def _shape(self, length: int, places: tuple[int, ...]) -> _Shape:
        shapes = self._shapes[length]
        for shape in shapes:
            if shape.places == places:
                return shape
        shapes.append(_Shape(places))
        shapes.sort(key=lambda shape: len(shape.places))
        return self._shape(length, places)

    def find(self, path: str) -> tuple[PathRow | None, dict[str, str]]:
        """The row of a path, and its parameters."""
        found = self._fixed.get(path)
        if found is not None:
            return found, _NONE
        segments = path.split("/")
        for shape in self._shapes.get(len(segments), ()):
            matched = shape.match(segments)
            if matched is not None:
                return matched
        return None, _NONE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found, parameters = self.find(scope["path"]) if scope["type"] == "http" else (None, _NONE)
        if found is None:
            await self._otherwise(scope, receive, send)
            return
        scope["route"] = found
        scope["path_params"] = parameters
        method: str = scope["method"]
        endpoint = found.endpoints.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            response = self._not_allowed(sorted(found.endpoints))
        else:
            response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
