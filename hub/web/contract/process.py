"""The paths that are not in the table of routes."""

from typing import Final

from hub.web.contract.shapes import Json, an_object, json_content

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
            "healthz",
            "Check that the process is alive.",
            {"200": {**ready["200"], "description": "Alive."}},
        ),
        "/readyz": _plain("readyz", "Check that the replica is ready for requests.", ready),
        "/metrics": _plain(
            "metrics",
            "Get metrics in the Prometheus text format.",
            {
                "200": {"description": "The metrics.", "content": {"text/plain": {}}},
                "401": {"description": "The metrics token is missing or wrong."},
            },
        ),
        "/.well-known/jwks.json": _plain(
            "jwks",
            "Get the public keys that verify tokens (RFC 7517).",
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
