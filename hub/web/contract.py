"""The OpenAPI document, generated from the table of routes. Pure; built once when a replica starts.

What a row of the table says stands in the document: the path and its parameters, the types of
query, body and answer, the required action. The little that a row does not say is in
`contract_rules`, what is the same for every route in `contract_fixed`.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from hub.web.contract_defaults import tell_defaults
from hub.web.contract_examples import EXAMPLES
from hub.web.contract_fixed import (
    ABOUT,
    BINARY,
    EITHER,
    LOCATION,
    OCTETS,
    REF,
    SECURITY,
    TAGS,
    Json,
    an_envelope,
    an_object,
    json_content,
    problem_responses,
    process_paths,
)
from hub.web.contract_portable import portable
from hub.web.contract_rules import (
    CONFLICTS,
    DISPATCH_HEADERS,
    DISPATCH_ONE,
    ENROL,
    HEADERS,
    UNFOUND,
    Rules,
    key_of,
)
from hub.web.envelope import Page, ProblemDocument
from hub.web.route import Route
from protocol.commands import COMMANDS, CommandSpec
from protocol.ids import CommandIdField, DeviceIdField

PREFIX: Final = "/api/v1"


def openapi(table: Sequence[Route], rules: Rules, *, version: str, prefix: str = "") -> Json:
    """The document as JSON-like values."""
    schemas = _Schemas(table, rules)
    paths: dict[str, Json] = {}
    for route in table:
        operation = _Operation(route, rules, schemas).document()
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = operation
    tags = {tag_of(route): None for route in table} | {"process": None}
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Longline", "version": version, "description": ABOUT},
        "servers": [{"url": prefix or "/", "description": "This hub."}],
        "tags": [{"name": tag, "description": TAGS.get(tag, "")} for tag in tags],
        "paths": paths | process_paths(),
        "components": {
            "securitySchemes": SECURITY,
            "responses": problem_responses(),
            "schemas": dict(sorted(schemas.components.items())),
        },
    }
    return portable(document)


def tag_of(route: Route) -> str:
    return route.path.split("/")[1]


def operation_id(route: Route) -> str:
    """`get_device_logs`: the method and the path, a word in the singular where an id follows it.
    Generated clients name their functions so: it changes when the path does, and never else."""
    parts = route.path.split("/")[1:]
    words = [
        word.removesuffix("s") if following.startswith("{") else word
        for word, following in pairwise([*parts, ""])
        if not word.startswith("{")
    ]
    return "_".join([route.method.lower(), *words]).replace("-", "_")


class _Schemas:
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
        for spec in COMMANDS.values():
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
    yield from (Page, ProblemDocument, DeviceIdField, CommandIdField)


def _command_extras(spec: CommandSpec, rules: Rules) -> Json:
    return {
        "x-danger": str(spec.danger),
        "x-default-timeout-ms": spec.timeout_ms,
        "x-required-role": rules.role_of(spec.name),
        "x-safe-to-redeliver": spec.redeliverable,
    }


class _Operation:
    """One route, as OpenAPI says it."""

    def __init__(self, route: Route, rules: Rules, schemas: _Schemas) -> None:
        self._route = route
        self._rules = rules
        self._schemas = schemas
        self._key = key_of(route)
        self._dispatches = route.method == "POST" and route.action == rules.dispatch

    def document(self) -> Json:
        operation: Json = {
            "operationId": operation_id(self._route),
            "summary": self._route.summary,
            "description": self._description(),
            "tags": [tag_of(self._route)],
            "security": self._security(),
            "x-required-role": self._role(),
            "parameters": [*self._path(), *self._query(), *self._headers()],
            "responses": self._successes() | self._problems(),
        }
        body = self._body()
        return operation if body is None else {**operation, "requestBody": body}

    def _role(self) -> str:
        if self._rules.is_open(self._route.action):
            return "none"
        return self._rules.minimum.get(self._route.action, "device")

    def _description(self) -> str:
        if self._key == ENROL:
            return "Requires the enrolment key, or a token of this device that is still valid."
        if self._rules.is_open(self._route.action):
            return "Open to everybody."
        also = ", or a token of a device" if self._route.action in self._rules.devices else ""
        sentence = f"Requires the role {self._role()}{also}."
        if self._route.action != self._rules.dispatch:
            return sentence
        return f"{sentence} Then by the type of the command: {self._by_command()}."

    def _by_command(self) -> str:
        return ", ".join(f"`{name}` {self._rules.role_of(name)}" for name in COMMANDS)

    def _security(self) -> list[Json]:
        if self._key == ENROL:
            return [{"enrollmentKey": []}, {"bearer": []}]
        return [] if self._rules.is_open(self._route.action) else [{"bearer": []}]

    # What comes in

    def _path(self) -> list[Json]:
        return [
            {"name": name, "in": "path", "required": True, "schema": self._path_schema(name)}
            for name in re.findall(r"{(\w+)}", self._route.path)
        ]

    def _path_schema(self, name: str) -> Json:
        if name == "command_id":
            return self._schemas.of(CommandIdField)
        of_device = name == "id" and self._route.path.startswith("/devices/")
        return self._schemas.of(DeviceIdField) if of_device else {"type": "string"}

    def _query(self) -> list[Json]:
        if self._route.query is None:
            return []
        schema = self._schemas.query(self._route.query)
        required = schema.get("required", ())
        return [
            {"name": name, "in": "query", "required": name in required, "schema": _absent(kind)}
            for name, kind in schema["properties"].items()
        ]

    def _headers(self) -> tuple[Json, ...]:
        return DISPATCH_HEADERS if self._dispatches else HEADERS.get(self._key, ())

    def _body(self) -> Json | None:
        if self._route.raw_body:
            return {"required": True, "content": {OCTETS: {"schema": BINARY}}}
        if self._route.body is None:
            return None
        return {
            "required": not self._route.optional_body,
            "content": json_content(
                self._schemas.of(self._route.body), example=EXAMPLES.get(self._key)
            ),
        }

    # What goes out

    def _successes(self) -> Json:
        if self._route.raw_answer:
            return {
                "200": {"description": "The whole file.", "content": {OCTETS: {"schema": BINARY}}},
                "206": {"description": "The range.", "content": {OCTETS: {"schema": BINARY}}},
                "304": {"description": "`If-None-Match` names it."},
                "412": {"$ref": "#/components/responses/Problem412"},
                "416": {"description": "The range lies beyond the file."},
            }
        answer = {str(self._route.status): self._success()}
        return answer | {"202": self._accepted()} if self._dispatches else answer

    def _success(self) -> Json:
        data = self._schemas.of(self._route.answer)
        if self._route.listing:
            page = self._schemas.of(Page)
            schema = an_envelope({"type": "array", "items": data}, page=page)
            return {"description": "One page, newest first.", "content": json_content(schema)}
        if self._dispatches:
            ended = "It has ended; `success` says how."
            return {
                "description": ended,
                "content": json_content(an_envelope(data, success=EITHER)),
            }
        answer: Json = {"description": "Done.", "content": json_content(an_envelope(data))}
        if self._route.status == 201:
            answer |= {"description": "Made.", "headers": {"Location": LOCATION}}
        return answer

    def _accepted(self) -> Json:
        """202 of a dispatch: of one command, or of a batch."""
        text: Json = {"type": "string"}
        data = (
            an_object(commandId=text, status=text)
            if self._key == DISPATCH_ONE
            else an_object(batchId=text, results=self._schemas.of(self._route.answer))
        )
        return {
            "description": "Committed, and not ended yet.",
            "headers": {"Location": LOCATION},
            "content": json_content(an_envelope(data)),
        }

    def _problems(self) -> Json:
        return {
            str(status): {"$ref": f"#/components/responses/Problem{status}"}
            for status in self._problem_statuses()
        }

    def _problem_statuses(self) -> Iterable[int]:
        route, open_ = self._route, self._rules.is_open(self._route.action)
        sends_body = route.body is not None or route.raw_body
        yield 400
        yield 401
        if self._key == ENROL or not (open_ or self._every_user_may()):
            yield 403
        if ("{" in route.path and self._key != ENROL) or self._key in UNFOUND:
            yield 404
        if self._key in CONFLICTS:
            yield 409
        if sends_body or (open_ and route.method != "GET"):
            yield 413
        if route.method != "GET":
            yield 415
        if route.action not in self._rules.devices and self._key != ENROL:
            yield 421
        yield 429
        yield 503
        if route.raw_body:
            yield 507

    def _every_user_may(self) -> bool:
        """Every user has at least the least role; only writing may need more (a session)."""
        least = next(iter(self._rules.minimum.values()), None)
        return self._role() == least and self._route.method == "GET"


def _absent(kind: Json) -> Json:
    """The schema of a parameter that may be left out: not null, which a query cannot say."""
    some = [choice for choice in kind.get("anyOf", ()) if choice != {"type": "null"}]
    rest = {name: value for name, value in kind.items() if name not in ("anyOf", "default")}
    if kind.get("default") is not None:
        rest["default"] = kind["default"]
    return {**some[0], **rest} if len(some) == 1 else rest | ({"anyOf": some} if some else {})
