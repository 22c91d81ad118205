"""The small schemas that both documents are put together from."""

from typing import Any, Final

from hub.web.envelope import JSON

Json = dict[str, Any]

FORM: Final = "application/x-www-form-urlencoded"
OCTETS: Final = "application/octet-stream"
STREAM: Final = "text/event-stream"
REF: Final = "#/components/schemas/{name}"
EITHER: Final[Json] = {"type": "boolean"}
BINARY: Final[Json] = {"type": "string", "format": "binary"}
LOCATION: Final[Json] = {
    "description": "The URL of the created resource.",
    "schema": {"type": "string", "format": "uri-reference"},
}


def json_content(schema: Json, *, example: Json | None = None) -> Json:
    content: Json = {"schema": schema}
    return {JSON: content if example is None else {**content, "example": example}}


def an_object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def an_envelope(data: Json, *, success: Json | None = None, page: Json | None = None) -> Json:
    envelope = {"success": success or {"type": "boolean", "const": True}, "data": data}
    return an_object(**envelope) if page is None else an_object(**envelope, page=page)
