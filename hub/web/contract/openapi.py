"""The OpenAPI document, generated from the table of routes. Pure; built once when a replica starts.

What a row of the table says stands in the document: the path and its parameters, the types of
query, body and answer, the required action. The little that a row does not say is in
`rules`, what is the same for every route in `prose`, `problems` and `process`.
"""

from collections.abc import Sequence
from typing import Final

from hub.web.contract.operation import RouteOperation, tag_of
from hub.web.contract.portable import portable
from hub.web.contract.problems import problem_responses
from hub.web.contract.process import process_paths
from hub.web.contract.prose import ABOUT, SECURITY, TAGS
from hub.web.contract.rules import Rules
from hub.web.contract.schemas import RouteSchemas
from hub.web.contract.shapes import Json
from hub.web.route import Route

PREFIX: Final = "/api/v1"


def openapi(table: Sequence[Route], rules: Rules, *, version: str, prefix: str = "") -> Json:
    """The document as JSON-like values."""
    schemas = RouteSchemas(table, rules)
    paths: dict[str, Json] = {}
    for route in table:
        operation = RouteOperation(route, rules, schemas).document()
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = operation
    tags = {tag_of(route): None for route in table} | {"process": None}
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Longline",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
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
