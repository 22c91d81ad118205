"""What callers send: path, query and body, decoded by type. All of it may raise `Invalid`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, TypeVar, cast

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request

from hub.base.errors import Invalid, TooLarge, UnsupportedMedia, invalid
from protocol.codec import decode, outline, refuse_unstorable
from protocol.errors import InvalidMessage

Q = TypeVar("Q", bound="Query")
T = TypeVar("T")

MAX_BODY: Final = 2**20
"""Bytes of a JSON body."""
MAX_PARTS: Final = 8 * 2**20
"""The same, of a body that a device sends in parts."""

Limit = Annotated[int, Meta(ge=1, le=500)]
Moment = Annotated[datetime, Meta(tz=True)]


class Query(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Query parameters: a misspelt filter is an error, or it would silently match everything."""

    cleaned: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are for display only: U+0000 in them is replaced, not refused."""


class Body(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request body: unknown fields are errors."""


class ListQuery(Query, frozen=True, kw_only=True):
    limit: Limit = 50
    cursor: str | None = None


def query_of(request: Request, kind: type[Q]) -> Q:
    if kind is Query and not request.scope["query_string"]:
        return cast("Q", _NO_QUERY)  # nearly every dispatch
    values: dict[str, Any] = dict(request.query_params.items())
    for name in kind.cleaned & values.keys():
        values[name] = values[name].replace("\0", "_")
    try:
        refuse_unstorable(values)
        query = msgspec.convert(values, kind, strict=False)
        _check_moments(query)
    except InvalidMessage as error:
        raise invalid("query", error.message) from None
    except msgspec.ValidationError as error:
        raise _invalid(error, "query", values) from None
    return query


_NO_QUERY: Final = Query()


def _check_moments(query: object) -> None:
    """The first and last hours of the calendar exist in some time zones, but not in UTC."""
    for name, value in msgspec.structs.asdict(cast("Struct", query)).items():
        if isinstance(value, datetime):
            try:
                value.astimezone(UTC)
            except OverflowError:
                raise invalid(name, "out of range") from None


async def body_of(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """The JSON body. Raises `Invalid`, `TooLarge` or `UnsupportedMedia`."""
    return _decoded(decoder, await _read_json(request, MAX_BODY))


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decode(decoder, raw)
    except InvalidMessage as error:
        raise invalid(error.field or "body", error.message) from None


async def optional_body_of(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """The same where no body at all means `{}`."""
    raw = await _read_json(request, MAX_BODY)
    return _decoded(decoder, raw or b"{}")


async def parts_of(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """The same for a body of parts (`msgspec.Raw`) which the endpoint decodes one by one: what one
    of them holds is no fault of the body."""
    raw = await _read_json(request, MAX_PARTS)
    try:
        return outline(decoder, raw)
    except InvalidMessage as error:
        raise invalid(error.field or "body", error.message) from None


async def _read_json(request: Request, limit: int) -> bytes:
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if media.lower() != "application/json":
        raise UnsupportedMedia(f"the body must be application/json, not {media}")
    return await read_body(request, limit)


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises `TooLarge` as soon as that is clear."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"the body may have {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body may have {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


_LOST_PLUS: Final = re.compile(r"[Tt]\S+ \d\d:\d\d$")


def _invalid(
    error: msgspec.ValidationError, where: str, query: Mapping[str, str] | None = None
) -> Invalid:
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".") or where
    if query and _LOST_PLUS.search(query.get(field, "")):
        message += " (in a query + means a space: write it as %2B)"
    return invalid(field, message)
