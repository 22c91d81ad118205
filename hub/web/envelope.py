"""How REST answers look: the success envelope, pages, and problem documents (RFC 9457)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from hub.base.errors import PROBLEMS, FieldError, HubError
from hub.base.paging import Items

JSON: Final = "application/json"
NO_STORE: Final = {"Cache-Control": "no-store"}
PROBLEM_JSON: Final = "application/problem+json"


class Page(Struct, frozen=True):
    """`next` is the cursor of the following page, null at the end."""

    next: str | None


class Answer(Struct, frozen=True):
    """What an endpoint returns when 200 and the bare data are not what it means.

    `success` is the envelope's word (a dispatched command may have failed); `location` names what
    was made; `cookie` is what a browser keeps, as `Set-Cookie` says it; `etag` names what was sent.
    """

    data: Any
    status: int = 200
    success: bool = True
    location: str | None = None
    cookie: str | None = None
    etag: str | None = None


class ProblemDocument(Struct, frozen=True, kw_only=True):
    type: str
    title: str
    status: int
    detail: str
    code: str
    success: bool = False
    errors: list[FieldError] | UnsetType = UNSET


_encoder: Final = msgspec.json.Encoder()


def respond(result: object) -> Response:
    """The response for whatever an endpoint returned."""
    match result:
        case Response():
            return result
        case Items(items=items, next=following):  # pyright: ignore[reportUnknownVariableType]
            content: dict[str, Any] = {"success": True, "data": items, "page": Page(following)}
            return Response(_encoder.encode(content), media_type=JSON)
        case Answer():
            headers = {
                "Location": result.location,
                "Set-Cookie": result.cookie,
                "ETag": result.etag,
            }
            body = _encoder.encode({"success": result.success, "data": result.data})
            return Response(
                body, status_code=result.status, headers=_present(headers), media_type=JSON
            )
        case _:
            return Response(_encoder.encode({"success": True, "data": result}), media_type=JSON)


def _present(headers: dict[str, str | None]) -> dict[str, str] | None:
    return {name: value for name, value in headers.items() if value is not None} or None


def problem(error: HubError) -> Response:
    row = PROBLEMS[error.code]
    status = error.status or row.status
    headers: dict[str, str] = {}
    if error.members:  # a challenge, or a secret that is shown once
        headers |= NO_STORE
    if error.retry_after is not None or status in (429, 503):
        headers["Retry-After"] = str(error.retry_after or 1)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 415:
        headers["Accept-Encoding"] = "identity"
    return problem_document(
        status,
        row.title,
        error.detail,
        str(error.code),
        errors=error.errors,
        headers=headers,
        members=error.members,
    )


def problem_document(
    status: int,
    title: str,
    detail: str,
    code: str,
    *,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> Response:
    """`members`: further ones, as RFC 9457 allows them."""
    document = ProblemDocument(
        type=f"urn:longline:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        errors=errors or UNSET,
    )
    content = {**msgspec.to_builtins(document), **members} if members else document
    return Response(
        _encoder.encode(content),
        status_code=status,
        headers=dict(headers or {}),
        media_type=PROBLEM_JSON,
    )
