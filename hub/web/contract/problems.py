"""The problems that operations refer to, generated from the table of errors."""

from typing import Final

from hub.base.errors import PROBLEMS
from hub.web.contract.shapes import REF, Json
from hub.web.envelope import PROBLEM_JSON


def problem_responses() -> Json:
    """One response a status; the codes that it may carry, and when to come back."""
    codes: dict[int, list[str]] = {}
    for code, row in PROBLEMS.items():
        for status in row.statuses:
            codes.setdefault(status, []).append(str(code))
    return {f"Problem{status}": _problem(status, listed) for status, listed in codes.items()}


def _problem(status: int, codes: list[str]) -> Json:
    titles = " · ".join(row.title for row in PROBLEMS.values() if status in row.statuses)
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
        "description": 'The limit: `"requests";q=200;w=1` are 200 per second.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left: `"requests";r=0;t=1`; the limit resets in `t` seconds.',
        "schema": {"type": "string"},
    },
}
_PROBLEM_HEADERS: Final[dict[int, Json]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string", "enum": ["Bearer"]}}},
    429: _RETRY_AFTER | _RATE_LIMIT,
    503: _RETRY_AFTER,
}
