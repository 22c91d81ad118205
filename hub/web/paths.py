"""Which row of the route table a request is for.

A library's router asks every route in turn, with a regular expression each, and wraps the endpoint
four times over: a third of what a dispatched command costs. Here the path is split once and looked
up by its length and first segment. What is not in the table is the other application's.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class Found(Struct, frozen=True):
    """A path of the table: its template and its endpoints by method."""

    path: str
    endpoints: dict[str, Endpoint]


class _Template(Struct, frozen=True):
    names: tuple[str | None, ...]
    """For each segment the parameter's name, or None where it is fixed."""
    segments: tuple[str, ...]
    found: Found

    def match(self, segments: list[str]) -> dict[str, str] | None:
        parameters: dict[str, str] = {}
        for name, fixed, segment in zip(self.names, self.segments, segments, strict=True):
            if name is not None and segment:
                parameters[name] = segment
            elif name is not None or fixed != segment:
                return None
        return parameters


_NONE: Final[dict[str, str]] = {}


class PathTable:
    """An application: endpoints for the paths that were added, `otherwise` for all others.
    `not_allowed` answers for a known path with another method, given those it takes."""

    def __init__(self, otherwise: ASGIApp, not_allowed: Callable[[list[str]], Response]) -> None:
        self._otherwise = otherwise
        self._not_allowed = not_allowed
        self._fixed: dict[str, Found] = {}
        self._templates: defaultdict[tuple[int, str], list[_Template]] = defaultdict(list)

    def add(self, method: str, path: str, endpoint: Endpoint) -> None:
        """`path` with `{name}` for parameters; its first two segments are fixed."""
        self._place(path).endpoints[method] = endpoint

    def _place(self, path: str) -> Found:
        if "{" not in path:
            return self._fixed.setdefault(path, Found(path, {}))
        segments = path.split("/")
        templates = self._templates[len(segments), segments[3]]
        for template in templates:
            if template.found.path == path:
                return template.found
        names = tuple(s[1:-1] if s.startswith("{") else None for s in segments)
        found = Found(path, {})
        templates.append(_Template(names, tuple(segments), found))
        return found

    def find(self, path: str) -> tuple[Found | None, dict[str, str]]:
        """The row of a path, and its parameters."""
        found = self._fixed.get(path)
        if found is not None:
            return found, _NONE
        segments = path.split("/")
        if len(segments) > 3:
            for template in self._templates.get((len(segments), segments[3]), ()):
                parameters = template.match(segments)
                if parameters is not None:
                    return template.found, parameters
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
