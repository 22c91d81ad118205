"""One call of a tool to a hub's REST API."""

from typing import Any, Final

import httpx
import msgspec

from cloud.outward import WayOut
from longline.errors import UserError

ANSWER_SECONDS: Final = 330.0
"""The hub waits 300 s for a device."""


class HubCaller:
    """`token`: an API key, or somebody's access token."""

    def __init__(self, hub: str, way_out: WayOut, token: str) -> None:
        self._url = f"{hub.rstrip('/')}/api/v1"
        self._way_out = way_out
        self._hub = hub
        self._token = token

    def get(self, path: str, **query: str) -> Any:
        return self._call("GET", path, params=query)

    def post(self, path: str, body: object) -> Any:
        content = msgspec.json.encode(body)
        return self._call(
            "POST", path, content=content, headers={"Content-Type": "application/json"}
        )

    def _call(
        self, method: str, path: str, headers: dict[str, str] | None = None, **given: Any
    ) -> Any:
        """`data` of the answer. Raises `UserError`."""
        shown = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        try:
            with httpx.Client(timeout=ANSWER_SECONDS, **self._way_out.options(self._hub)) as http:
                answer = http.request(method, self._url + path, headers=shown, **given)
            found = msgspec.json.decode(answer.content, type=dict[str, Any])
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise UserError(f"no answer of a hub: {error or type(error).__name__}") from None
        if answer.is_error:
            raise UserError(f"refused ({answer.status_code}): {found.get('detail', 'no reason')}")
        return found.get("data")
