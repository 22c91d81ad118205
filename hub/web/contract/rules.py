"""What the table of routes does not say of a route, and the OpenAPI document does.

Who may do what belongs to a floor above, so those tables come in as `Rules`. The rest (who answers
409, which headers an endpoint reads) stands here, by method and path.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from msgspec import Struct

from hub.web.contract.shapes import Json
from hub.web.route import Route

RouteKey = tuple[str, str]
"""(method, path) of a route, as in the table."""


def key_of(route: Route) -> RouteKey:
    return (route.method, route.path)


class Rules(Struct, frozen=True, kw_only=True):
    """Who may do what, as `hub/rights/access.py` has it. An action that is neither in `minimum`
    nor in `devices` is open."""

    minimum: Mapping[Any, str]
    """The least role for each action of a user."""
    devices: Collection[Any]
    """The actions of devices."""
    dispatch: Any
    """The action that is asked again, by the type of the command."""
    commands: Mapping[str, str]
    """The least role for each command; a command that is not here is for `highest`."""
    highest: str = "ADMIN"

    def is_open(self, action: Any) -> bool:
        return action not in self.minimum and action not in self.devices

    def role_of(self, command: str) -> str:
        return self.commands.get(command, self.highest)


ENROL: Final[frozenset[RouteKey]] = frozenset(
    {("POST", "/devices/{id}/token"), ("POST", "/devices/{id}/certificate")}
)
DISPATCH_ONE: Final[RouteKey] = ("POST", "/devices/{id}/commands")

CONFLICTS: Final[frozenset[RouteKey]] = frozenset(
    {
        ("POST", "/users"),
        ("PATCH", "/users/{id}"),
        ("DELETE", "/users/{id}"),
        ("POST", "/api-keys"),
        ("POST", "/auth/password"),
        ("POST", "/auth/totp"),
        ("POST", "/auth/totp/confirm"),
        ("POST", "/auth/passkeys/options"),
        ("POST", "/auth/passkeys"),
        ("POST", "/auth/command-keys"),
        ("POST", "/auth/passkeys/login/options"),
        ("POST", "/auth/passkeys/login"),
        ("POST", "/auth/reauthenticate"),
        ("POST", "/auth/device/authorize"),
        ("PATCH", "/settings"),
        ("POST", "/auth/providers"),
        ("PATCH", "/auth/providers/{id}"),
        ("GET", "/auth/oidc/{id}/start"),
        ("GET", "/auth/oidc/{id}/callback"),
        ("POST", "/invitations"),
        ("POST", "/invitations/accept"),
        ("POST", "/orgs"),
        ("DELETE", "/orgs/{id}"),
        ("POST", "/teams"),
        ("PUT", "/teams/{id}"),
        ("DELETE", "/teams/{id}"),
        ("DELETE", "/teams/{id}/members"),
        ("POST", "/roles"),
        ("PUT", "/roles/{name}"),
        ("DELETE", "/roles/{name}"),
        ("POST", "/secrets"),
        ("PUT", "/secrets/{name}"),
        ("DELETE", "/secrets/{name}"),
        ("POST", "/config-maps"),
        ("DELETE", "/config-maps/{name}"),
        ("POST", "/registries"),
        ("PUT", "/registries/{name}"),
        ("DELETE", "/registries/{name}"),
        ("POST", "/applications"),
        ("PUT", "/applications/{name}"),
        ("POST", "/applications/{name}/rollouts"),
        ("POST", "/applications/{name}/rollouts/{id}/pause"),
        ("POST", "/applications/{name}/rollouts/{id}/resume"),
        ("POST", "/applications/{name}/rollouts/{id}/abort"),
        ("PUT", "/devices/{id}/applications/{name}"),
        ("POST", "/devices/{id}/workloads/{name}/{service}/restart"),
        ("POST", "/schedules"),
        ("PUT", "/schedules/{id}"),
        ("POST", "/schedules/{id}/run"),
        ("POST", "/alerts/{id}/acknowledge"),
        ("POST", "/alerts/{id}/resolve"),
        ("POST", "/alert-rules"),
        ("PUT", "/alert-rules/{id}"),
        ("POST", "/notification-channels"),
        ("PUT", "/notification-channels/{id}"),
        ("DELETE", "/notification-channels/{id}"),
        ("POST", "/silences"),
        ("POST", "/webhooks"),
        ("PUT", "/webhooks/{id}"),
        ("POST", "/webhooks/{id}/rotate-secret"),
        ("POST", "/webhooks/{id}/deliveries/{delivery_id}/redeliver"),
        ("POST", "/role-bindings"),
        ("DELETE", "/role-bindings/{id}"),
        ("POST", "/devices"),
        ("PATCH", "/devices/{id}"),
        ("POST", "/devices/{id}/certificate"),
        ("GET", "/ca"),
        ("POST", "/devices/{id}/approve"),
        ("POST", "/devices/{id}/reject"),
        ("POST", "/devices/{id}/commands"),
        ("POST", "/commands/bulk"),
        ("POST", "/device-groups/{id}/commands"),
        ("POST", "/firmware/deployments"),
        ("POST", "/devices/{id}/sessions"),
        ("DELETE", "/approvals/{id}"),
        ("POST", "/approvals/{id}/approve"),
        ("POST", "/approvals/{id}/reject"),
        ("DELETE", "/devices/{id}/commands/{command_id}"),
        ("POST", "/device-groups"),
        ("PUT", "/device-groups/{id}"),
        ("DELETE", "/device-groups/{id}"),
        ("POST", "/device-groups/{id}/members"),
        ("DELETE", "/device-groups/{id}/members"),
        ("PUT", "/device-groups/{id}/config"),
        ("POST", "/firmware/releases"),
        ("POST", "/devices/{id}/config/revert"),
        ("DELETE", "/firmware/releases/{id}"),
        ("POST", "/firmware/signing-keys"),
        ("DELETE", "/firmware/signing-keys/{id}"),
        ("POST", "/firmware/deployments/{id}/pause"),
        ("POST", "/firmware/deployments/{id}/resume"),
        ("POST", "/firmware/deployments/{id}/abort"),
        ("POST", "/campaigns"),
        ("POST", "/campaigns/{id}/pause"),
        ("POST", "/campaigns/{id}/resume"),
        ("POST", "/campaigns/{id}/abort"),
        ("POST", "/campaigns/{id}/approve"),
        ("POST", "/campaigns/{id}/retry"),
    }
)
"""Routes that may answer 409."""

MAY_WAIT: Final[frozenset[RouteKey]] = frozenset(
    {
        ("PATCH", "/settings"),
        ("POST", "/firmware/deployments"),
        ("POST", "/campaigns"),
        ("POST", "/schedules"),
        ("PUT", "/schedules/{id}"),
        ("POST", "/devices/{id}/config/revert"),
    }
)
"""Routes beside those of dispatch that may answer 202: what they ask for waits for an approval."""

ENDED: Final[frozenset[RouteKey]] = frozenset(
    {
        ("POST", "/invitations/accept"),
        ("POST", "/orgs"),
        ("GET", "/orgs/{id}"),
        ("PATCH", "/orgs/{id}"),
        ("DELETE", "/orgs/{id}"),
    }
)
"""Routes that may answer 410."""

BY_CONTENT: Final[frozenset[RouteKey]] = frozenset(
    {
        ("POST", "/devices/{id}/sessions"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions/{id}"),
    }
)
"""Routes that every user may call, and that may answer 403 by what is asked for."""

REFUSED_BY_DEVICE: Final[frozenset[RouteKey]] = frozenset({("POST", "/devices/{id}/sessions")})
"""Routes that may answer 422."""

UNFOUND: Final[frozenset[RouteKey]] = frozenset(
    {
        ("DELETE", "/auth/totp"),
        ("POST", "/enrollment-tokens"),
        ("POST", "/api-keys"),
        ("POST", "/auth/login"),
        ("POST", "/auth/switch"),
        ("POST", "/auth/device/waiting"),
        ("POST", "/auth/device/approve"),
        ("POST", "/firmware/deployments"),
        ("POST", "/schedules"),
        ("GET", "/auth/sessions"),
        ("GET", "/config-schema"),
        ("DELETE", "/config-schema"),
    }
)
"""Routes that may answer 404 though their path names nothing."""


def _header(name: str, description: str, schema: Json | None = None) -> Json:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": schema or {"type": "string"},
    }


DISPATCH_HEADERS: Final = (
    _header(
        "Idempotency-Key",
        "Within 24 hours, the same key with the same request on the same path is the same "
        "call. With a different request it is a conflict.",
        {"type": "string", "minLength": 1, "maxLength": 255},
    ),
    _header("Prefer", "`respond-async` answers 202 as soon as the command is committed."),
)
IF_NONE_MATCH: Final = _header("If-None-Match", "The `ETag` of what the caller has.")
LAST_EVENT_ID: Final = _header(
    "Last-Event-ID", "The `id` of the last message, of whoever comes back."
)
ETAG: Final = {"description": "Names this content.", "schema": {"type": "string"}}
HEADERS: Final[dict[RouteKey, tuple[Json, ...]]] = {
    ("POST", "/firmware/releases"): (
        _header("X-Signature", "Ed25519 signature of the artifact, in base64."),
    ),
    ("GET", "/firmware/releases/{id}/artifact"): (
        _header("Range", "One byte range, to resume an interrupted download."),
        _header(
            "If-Range", "The `ETag` that the range is for; another `ETag` gets the whole file."
        ),
        _header("If-Match", "412 unless it names the artifact."),
        _header("If-None-Match", "304 when it names the artifact."),
    ),
}
"""Request headers that single endpoints read; those of dispatch are added by the action."""
