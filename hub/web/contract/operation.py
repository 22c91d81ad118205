"""One route, as OpenAPI says it. Pure."""

import re
from collections.abc import Iterable
from itertools import pairwise

from hub.base.awaiting import Awaiting
from hub.web.contract.examples import EXAMPLES
from hub.web.contract.rules import (
    BY_CONTENT,
    CONFLICTS,
    DISPATCH_HEADERS,
    DISPATCH_ONE,
    ENDED,
    ENROL,
    ETAG,
    HEADERS,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
    MAY_WAIT,
    REFUSED_BY_DEVICE,
    UNFOUND,
    Rules,
    key_of,
)
from hub.web.contract.schemas import RouteSchemas
from hub.web.contract.shapes import (
    BINARY,
    EITHER,
    FORM,
    LOCATION,
    OCTETS,
    STREAM,
    Json,
    an_envelope,
    an_object,
    json_content,
)
from hub.web.envelope import Page
from hub.web.route import Route
from protocol.commands import PARAMS
from protocol.ids import CommandIdField, DeviceIdField


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


class RouteOperation:
    """One route, as OpenAPI says it."""

    def __init__(self, route: Route, rules: Rules, schemas: RouteSchemas) -> None:
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
        if self._key in ENROL:
            return "Requires the enrolment key, or a token of this device that is still valid."
        if self._rules.is_open(self._route.action):
            return "Needs no authentication."
        also = ", or a token of a device" if self._route.action in self._rules.devices else ""
        role = self._role()
        if role == "device":
            return "Requires a token of a device."
        sentence = f"Requires the role {role}{also}."
        if self._route.action != self._rules.dispatch:
            return sentence
        return f"{sentence} The type of the command may require more: {self._by_command()}."

    def _by_command(self) -> str:
        return ", ".join(f"`{name}` {self._rules.role_of(name)}" for name in PARAMS)

    def _security(self) -> list[Json]:
        if self._key in ENROL:
            ways = (
                "enrollmentKey",
                "enrollmentToken",
                "enrollmentRequest",
                "bearer",
                "certificate",
            )
            return [{way: []} for way in ways]
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
        if self._route.has_etag:
            return (IF_NONE_MATCH,)
        if self._route.is_stream:
            return (LAST_EVENT_ID,)
        return DISPATCH_HEADERS if self._dispatches else HEADERS.get(self._key, ())

    def _body(self) -> Json | None:
        if self._route.raw_body:
            return {"required": True, "content": {OCTETS: {"schema": BINARY}}}
        if self._route.body is None:
            return None
        if self._route.oauth:
            schema = self._schemas.of(self._route.body)
            content = json_content(schema, example=EXAMPLES.get(self._key))
            return {"required": True, "content": {FORM: {"schema": schema}, **content}}
        return {
            "required": not self._route.optional_body,
            "content": json_content(
                self._schemas.of(self._route.body), example=EXAMPLES.get(self._key)
            ),
        }

    # What goes out

    def _successes(self) -> Json:
        if self._route.is_stream:
            return {
                "200": {
                    "description": "Messages, for as long as somebody reads.",
                    "content": {STREAM: {"schema": {"type": "string"}}},
                },
                "204": {
                    "description": "With `Last-Event-ID`: the session has ended; do not come back."
                },
            }
        if self._route.raw_answer:
            return {
                "200": {"description": "The whole file.", "content": {OCTETS: {"schema": BINARY}}},
                "206": {"description": "The range.", "content": {OCTETS: {"schema": BINARY}}},
                "304": {"description": "`If-None-Match` names it."},
                "412": {"$ref": "#/components/responses/Problem412"},
                "416": {"description": "The range lies beyond the file."},
            }
        if self._route.redirects:
            return {
                "302": {
                    "description": "Where the browser goes on.",
                    "headers": {"Location": {"schema": LOCATION["schema"]}},
                }
            }
        answer = {str(self._route.status): self._success()}
        if self._route.has_etag:
            return answer | {"304": {"description": "`If-None-Match` names it."}}
        if self._dispatches:
            return answer | {"202": self._accepted()}
        if self._key in MAY_WAIT:
            return answer | {"202": self._awaiting()}
        return answer

    def _success(self) -> Json:
        data = self._schemas.of(self._route.answer)
        if self._route.oauth:
            return {"description": "As the RFC has it.", "content": json_content(data)}
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
            answer |= {"description": "Created.", "headers": {"Location": LOCATION}}
        if self._route.has_etag:
            answer["headers"] = {"ETag": ETAG}
        return answer

    def _accepted(self) -> Json:
        """202 of a dispatch: of one command, or of a batch."""
        text: Json = {"type": "string"}
        waits = {"approvalId": text, "expiresAt": text}
        data = (
            an_object(commandId=text, status=text)
            if self._key == DISPATCH_ONE
            else an_object(batchId=text)
        )
        results = {"status": text, "results": self._schemas.of(self._route.answer)}
        data["properties"] |= waits if self._key == DISPATCH_ONE else {**waits, **results}
        return {
            "description": "Committed; not ended yet. Or it waits for an approval.",
            "headers": {"Location": LOCATION},
            "content": json_content(an_envelope(data)),
        }

    def _awaiting(self) -> Json:
        return {
            "description": "It waits for an approval.",
            "content": json_content(an_envelope(self._schemas.of(Awaiting))),
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
        if self._key in ENROL | BY_CONTENT or not (open_ or self._every_user_may()):
            yield 403
        if ("{" in route.path and self._key not in ENROL) or self._key in UNFOUND:
            yield 404
        if self._key in CONFLICTS:
            yield 409
        if self._key in ENDED:
            yield 410
        if sends_body or (open_ and route.method != "GET"):
            yield 413
        if route.method != "GET":
            yield 415
        if self._key in REFUSED_BY_DEVICE:
            yield 422
        if route.action not in self._rules.devices and self._key not in ENROL:
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
