"""The parts of the OpenAPI document that no route changes: prose, security schemes, problems, and
the paths that are not in the table."""

from typing import Any, Final

from hub.base.errors import PROBLEMS
from hub.web.envelope import JSON, PROBLEM_JSON

Json = dict[str, Any]

OCTETS: Final = "application/octet-stream"
REF: Final = "#/components/schemas/{name}"

ABOUT: Final = """\
Success is `{"success": true, "data": …}`; a list adds `page.next`, the cursor of the next page, or
null at the end. Failure is a problem document (RFC 9457) whose `code` a program can rely on.

Authenticate with `Authorization: Bearer <token>`: the token of `POST /api/v1/auth/login`, or an API
key (`ll_…`). Each operation names the least role that may call it (`x-required-role`); roles are
ordered VIEWER, OPERATOR, MANAGER, ADMIN. Times are RFC 3339 in UTC with milliseconds.

JSON bodies may have 1 MiB, 8 KiB where an operation is open to everybody, and no content coding.
Unknown fields of a body and unknown query parameters are errors, and so are wrong values; a
parameter that is an array may come several times and matches any of its values. A cursor is good
for the same list with the same filters only.

There are limits: requests and commands a second for each user and API key, requests for each
device, and for each address where nobody has said who he is. Every answer says in `RateLimit` and
`RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) how that one stands that counted it; over
it the answer is 429, whose `detail` names the limit, and `Retry-After` says when to come again.

The two WebSockets are described by `/api/v1/asyncapi.json`."""

TAGS: Final = {
    "auth": "Signing in and out, one's own account, tickets for dashboard sockets.",
    "users": "The users of the organisation.",
    "api-keys": "Long-lived credentials for programs.",
    "devices": "Enrolment, the list of devices, their telemetry, configuration and commands.",
    "fleet": "Readings of many devices at once.",
    "commands": "Commands of all devices, and bulk dispatch.",
    "device-groups": "Named sets of devices.",
    "firmware": "Releases and their artifacts.",
    "config-schema": "What a configuration may hold.",
    "sync": "What devices produced.",
    "cloud-sync": "The way of records to the cloud.",
    "health": "How the hub is.",
    "settings": "Enrolment and retention.",
    "audit-log": "Who did what to whom.",
    "process": "What load balancers, monitoring and other services ask.",
}


EITHER: Final[Json] = {"type": "boolean"}
BINARY: Final[Json] = {"type": "string", "format": "binary"}
LOCATION: Final[Json] = {
    "description": "Where it can be read.",
    "schema": {"type": "string", "format": "uri-reference"},
}
SECURITY: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A user's token, an API key (`ll_…`), or where it is said a device's token.",
    },
    "enrollmentKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Enrollment-Key",
        "description": "The organisation's enrolment key.",
    },
}


def json_content(schema: Json, *, example: Json | None = None) -> Json:
    content: Json = {"schema": schema}
    return {JSON: content if example is None else {**content, "example": example}}


def an_object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def an_envelope(data: Json, *, success: Json | None = None, page: Json | None = None) -> Json:
    envelope = {"success": success or {"type": "boolean", "const": True}, "data": data}
    return an_object(**envelope) if page is None else an_object(**envelope, page=page)


def problem_responses() -> Json:
    """One response a status; the codes that it may carry, and when to come back."""
    codes: dict[int, list[str]] = {}
    for code, row in PROBLEMS.items():
        codes.setdefault(row.status, []).append(str(code))
    return {f"Problem{status}": _problem(status, listed) for status, listed in codes.items()}


def _problem(status: int, codes: list[str]) -> Json:
    titles = " · ".join(row.title for row in PROBLEMS.values() if row.status == status)
    # An enum of one and not a const: generators merge it with the type of `ProblemDocument`.
    only: Json = {
        "properties": {
            "code": {"type": "string", "enum": codes},
            "status": {"type": "integer", "enum": [status]},
        }
    }
    schema: Json = {"allOf": [{"$ref": REF.format(name="ProblemDocument")}, only]}
    response: Json = {"description": titles, "content": {PROBLEM_JSON: {"schema": schema}}}
    headers = _PROBLEM_HEADERS.get(status)
    return response if headers is None else {**response, "headers": headers}


_RETRY_AFTER: Final[Json] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
}
_RATE_LIMIT: Final[Json] = {
    "RateLimit-Policy": {
        "description": 'The limit: `"requests";q=200;w=1` are 200 in a second.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it: `"requests";r=0;t=1`, and in `t` seconds it is whole.',
        "schema": {"type": "string"},
    },
}
_PROBLEM_HEADERS: Final[dict[int, Json]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string", "enum": ["Bearer"]}}},
    429: _RETRY_AFTER | _RATE_LIMIT,
    503: _RETRY_AFTER,
}


_TEXT: Final[Json] = {"type": "string"}
_KEY: Final = an_object(kty=_TEXT, crv=_TEXT, x=_TEXT, kid=_TEXT, use=_TEXT, alg=_TEXT)
"""An Ed25519 key as RFC 8037 writes it."""


def process_paths() -> Json:
    """What stands outside of the table: see `hub/app.py`."""
    state = json_content(an_object(status={"type": "string"}, replicaId={"type": "string"}))
    ready: Json = {
        "200": {"description": "Ready.", "content": state},
        "503": {"description": "Draining, or Postgres does not answer.", "content": state},
    }
    return {
        "/healthz": _plain(
            "healthz", "Does the process answer?", {"200": {**ready["200"], "description": "Yes."}}
        ),
        "/readyz": _plain("readyz", "May requests be sent here?", ready),
        "/metrics": _plain(
            "metrics",
            "Metrics in the text format of Prometheus; with a token when one is set.",
            {
                "200": {"description": "The metrics.", "content": {"text/plain": {}}},
                "401": {"description": "A metrics token is set, and this is not it."},
            },
        ),
        "/.well-known/jwks.json": _plain(
            "jwks",
            "The public keys that tokens are signed with (RFC 7517).",
            {
                "200": {
                    "description": "A key set.",
                    "content": json_content(an_object(keys={"type": "array", "items": _KEY})),
                }
            },
        ),
    }


def _plain(name: str, summary: str, responses: Json) -> Json:
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["process"],
            "security": [],
            "x-required-role": "none",
            "responses": responses,
        }
    }
