"""An example for every body of JSON. A test decodes each, so none says what the hub refuses."""

from typing import Final

from hub.web.contract.rules import DISPATCH_ONE, RouteKey
from hub.web.contract.shapes import Json

_DEVICES: Final = ["edge-1", "edge-2"]
_RELEASE: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
_REQUEST: Final = "-----BEGIN CERTIFICATE REQUEST-----\n…\n-----END CERTIFICATE REQUEST-----\n"
_FINGERPRINT: Final = "2b:b8:0d:53:7b:1d:a3:e3"
_PUBLIC_KEY: Final = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVW5I5FUK9GhGK4oGTXNOFmgsxPk7JqKm8nUf3EqVbM"
)
_USER: Final = "01890a5d-ac96-774b-bcce-b302099a8058"
_CHANNEL: Final = {
    "name": "night shift",
    "kind": "webhook",
    "settings": {"url": "https://chat.example.org/hooks/longline"},
}
_RULE: Final = {
    "name": "hot press",
    "query": 'label.line = "3"',
    "when": {"metric": "temperature", "above": 90, "clearBelow": 85},
    "forSeconds": 60,
    "severity": "CRITICAL",
}
_RULES: Final = [
    {"resources": ["devices", "telemetry"], "verbs": ["get", "list"]},
    {"resources": ["commands/exec_shell"], "verbs": ["create"], "names": ["restart-service"]},
]
_REVISION: Final = "3b1f4c8e0d5a7f29" * 4
_COMPOSE: Final = "services:\n  web:\n    image: registry.example.org/web:1.4\n"
_DEAD_LETTERS: Final[Json] = {"kind": "bottle", "companyId": "brewery-1"}

EXAMPLES: Final[dict[RouteKey, Json]] = {
    ("POST", "/auth/login"): {"username": "anna", "password": "correct horse battery staple"},
    ("POST", "/auth/refresh"): {"refreshToken": "qT3vN0…"},
    ("POST", "/auth/switch"): {"orgId": "plant-2"},
    ("POST", "/auth/password"): {
        "current": "correct horse battery staple",
        "new": "a longer and better one",
    },
    ("POST", "/auth/second-factor"): {"challenge": "qT3vN0…", "code": "123456"},
    ("POST", "/auth/totp/confirm"): {"code": "123456"},
    ("POST", "/auth/passkeys"): {
        "id": "qT3vN0s",
        "rawId": "qT3vN0s",
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0",
            "attestationObject": "o2NmbXRkbm9uZQ",
            "transports": ["internal"],
        },
        "clientExtensionResults": {},
        "name": "Laptop",
    },
    ("POST", "/auth/passkeys/login"): {
        "id": "qT3vN0s",
        "rawId": "qT3vN0s",
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
            "authenticatorData": "SZYN5Y",
            "signature": "MEUCIQ",
            "userHandle": "MDE4OTBhNWQ",
        },
        "clientExtensionResults": {},
        "cookie": True,
    },
    ("PUT", "/devices/{id}/applications/{name}"): {"revision": _REVISION, "pinned": False},
    ("PUT", "/devices/{id}/variables"): {"SITE": "berlin"},
    ("POST", "/applications"): {"name": "web", "compose": _COMPOSE, "target": "group = presses"},
    ("POST", "/applications/normalise"): {"compose": _COMPOSE},
    ("PUT", "/applications/{name}"): {"compose": _COMPOSE},
    ("PUT", "/applications/{name}/current"): {"revision": _REVISION},
    ("POST", "/applications/{name}/rollouts"): {
        "revision": _REVISION,
        "waves": [{"count": 1}, {"percent": 100}],
        "soakSeconds": 60,
    },
    ("POST", "/config-maps"): {"name": "site", "data": {"site.toml": "line = 3"}},
    ("PUT", "/config-maps/{name}"): {"data": {"site.toml": "line = 4"}},
    ("POST", "/registries"): {
        "name": "plant",
        "url": "https://registry.example.org",
        "username": "devices",
        "password": "correct horse battery staple",
    },
    ("PUT", "/registries/{name}"): {"url": "https://registry.example.org"},
    ("POST", "/auth/command-keys"): {"name": "Laptop", "publicKey": _PUBLIC_KEY},
    ("POST", "/auth/device/authorize"): {"client_id": "longline-cli"},
    ("POST", "/auth/device/token"): {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "qT3vN0…",
        "client_id": "longline-cli",
    },
    ("POST", "/auth/device/waiting"): {"userCode": "BCDF-GHJK"},
    ("POST", "/auth/device/approve"): {"userCode": "BCDF-GHJK", "approve": True},
    ("POST", "/auth/providers"): {
        "kind": "oidc",
        "name": "Works account",
        "issuer": "https://login.example.org/realms/plant",
        "clientId": "longline",
        "clientSecret": "qT3vN0…",
        "create": True,
        "emailDomains": ["example.org"],
    },
    ("PATCH", "/auth/providers/{id}"): {"name": "Plant account"},
    ("POST", "/auth/oidc/{id}/logout"): {"logout_token": "eyJhbGciOi…"},
    ("POST", "/auth/reauthenticate"): {"password": "correct horse battery staple"},
    ("PUT", "/auth/me/preferences"): {"theme": "dark", "columns": ["name", "status"]},
    ("POST", "/users"): {
        "username": "bert",
        "password": "a first password",
        "role": "OPERATOR",
        "displayName": "Bert",
        "initialPassword": True,
    },
    ("PATCH", "/users/{id}"): {"role": "MANAGER"},
    ("POST", "/api-keys"): {
        "name": "reports",
        "role": "VIEWER",
        "expiresAt": "2100-01-01T00:00:00.000Z",
    },
    ("POST", "/service-accounts"): {"name": "planning"},
    ("POST", "/invitations"): {"username": "carla", "role": "OPERATOR"},
    ("POST", "/invitations/accept"): {
        "token": "qT3vN0…",
        "username": "carla",
        "password": "correct horse battery staple",
    },
    ("POST", "/teams"): {"name": "night shift"},
    ("PUT", "/teams/{id}"): {"name": "late shift"},
    ("POST", "/teams/{id}/members"): {"userIds": [_USER]},
    ("DELETE", "/teams/{id}/members"): {"userIds": [_USER]},
    ("POST", "/roles"): {"name": "restarter", "rules": _RULES},
    ("PUT", "/roles/{name}"): {"rules": _RULES},
    ("POST", "/schedules"): {
        "name": "nightly logs",
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "target": {"query": 'label.line = "3"'},
        "command": {"type": "pull_logs", "lines": 1000},
        "jitterSeconds": 600,
    },
    ("PUT", "/schedules/{id}"): {
        "name": "nightly logs",
        "cron": "30 2 * * *",
        "target": {"groupId": _USER},
        "command": {"type": "pull_logs"},
    },
    ("PUT", "/schedules/{id}/owner"): {"userId": _USER},
    ("POST", "/schedules/preview"): {
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "from": "2026-03-27T00:00:00Z",
        "count": 5,
    },
    ("POST", "/alerts/bulk"): {"query": 'label.line = "3"', "do": "acknowledge"},
    ("POST", "/alerts/{id}/acknowledge"): {"comment": "on my way"},
    ("POST", "/alerts/{id}/resolve"): {"comment": "the fan was replaced"},
    ("POST", "/alert-rules"): _RULE,
    ("PUT", "/alert-rules/{id}"): _RULE,
    ("PUT", "/alert-rules/{id}/owner"): {"userId": _USER},
    ("POST", "/alert-rules/preview"): {"rule": _RULE, "since": "2026-11-30T00:00:00.000Z"},
    ("POST", "/notification-channels"): _CHANNEL,
    ("PUT", "/notification-channels/{id}"): _CHANNEL,
    ("POST", "/silences"): {
        "query": 'label.line = "3"',
        "until": "2026-12-01T06:00:00.000Z",
        "comment": "the line is being rebuilt",
    },
    ("POST", "/webhooks"): {
        "name": "shift plan",
        "url": "https://plan.example.org/longline",
        "types": ["alert", "print"],
        "query": 'label.line = "3"',
    },
    ("PUT", "/webhooks/{id}"): {"name": "shift plan", "url": "https://plan.example.org/longline"},
    ("PUT", "/webhooks/{id}/owner"): {"userId": _USER},
    ("POST", "/secrets"): {"name": "wifi", "data": {"password": "correct horse battery staple"}},
    ("PUT", "/secrets/{name}"): {"data": {"password": "another horse"}},
    ("POST", "/role-bindings"): {
        "role": "restarter",
        "subject": {"kind": "user", "id": _USER},
        "scope": {"kind": "group", "id": _RELEASE},
    },
    ("POST", "/orgs"): {"id": "plant-2", "name": "Plant 2"},
    ("PATCH", "/orgs/{id}"): {"name": "Plant 2, north"},
    ("POST", "/enrollment-tokens"): {
        "name": "line 3",
        "maxUses": 12,
        "expiresAt": "2100-01-01T00:00:00.000Z",
        "labels": {"line": "3"},
        "approval": True,
    },
    ("POST", "/devices/{id}/certificate"): {"csr": _REQUEST},
    ("POST", "/certificates/{serial}/revoke"): {"reason": "the box was stolen"},
    ("POST", "/devices/{id}/approve"): {"fingerprint": _FINGERPRINT, "tags": ["hall-2"]},
    ("POST", "/devices/{id}/reject"): {"fingerprint": _FINGERPRINT},
    ("POST", "/devices"): {"id": "edge-1", "name": "Filler 1", "tags": ["hall-2"]},
    ("POST", "/devices/query/explain"): {"query": 'label.line = "3" and connected'},
    ("POST", "/devices/bulk"): {"deviceIds": _DEVICES, "do": "delete", "confirm": 2},
    ("PATCH", "/devices/{id}"): {"tags": ["hall-2", "spare"], "disabled": True},
    ("PUT", "/devices/{id}/connection-mode"): {"mode": "DIRECT_CLOUD"},
    ("POST", "/devices/{id}/quarantine"): {"reason": "sends what nobody expects"},
    ("POST", "/devices/{id}/release"): {"reason": "its key was changed"},
    ("POST", "/devices/{id}/config/revert"): {"version": 6},
    ("PUT", "/devices/{id}/software"): {"pins": {"agent": "2.4.1", "line-jar": "1.4"}},
    DISPATCH_ONE: {
        "command": {"type": "push_config", "patch": {"rate": 540}},
        "timeoutMs": 30000,
        "delivery": "queue",
    },
    ("POST", "/commands/bulk"): {"deviceIds": _DEVICES, "command": {"type": "force_sync"}},
    ("POST", "/device-groups"): {"name": "hall 2"},
    ("PUT", "/device-groups/{id}"): {"name": "hall 3"},
    ("POST", "/device-groups/{id}/members"): {"deviceIds": _DEVICES},
    ("DELETE", "/device-groups/{id}/members"): {"deviceIds": _DEVICES},
    ("PUT", "/device-groups/{id}/config"): {
        "document": {"scanner": {"baud": 9600}},
        "priority": 200,
    },
    ("POST", "/device-groups/{id}/commands"): {
        "command": {"type": "pull_logs", "lines": 500, "level": "WARN"}
    },
    ("POST", "/fleet/metrics"): {"deviceIds": _DEVICES, "name": "cpu.percent", "step": 60},
    ("PUT", "/firmware/releases/{id}/signature"): {"signatureBase64": "kP1…=="},
    ("POST", "/firmware/signing-keys"): {"name": "release key 2026", "publicKey": "MCowBQYDK2Vw…"},
    ("POST", "/campaigns"): {
        "name": "Restart the halls",
        "command": {"type": "restart_service"},
        "target": {"query": 'label.hall = "3" and connected'},
        "waves": [{"count": 1}, {"percent": 25}, {"percent": 100}],
        "ratePerMinute": 60,
        "stopAt": {"failedPercent": 20, "minimum": 5},
        "approval": "first_wave",
        "retries": 2,
    },
    ("PUT", "/campaigns/{id}/owner"): {"userId": "01942f3a-9c1e-7000-8000-000000000001"},
    ("POST", "/campaigns/{id}/approve"): {"wave": 1, "comment": "The canary is well."},
    ("POST", "/campaigns/{id}/retry"): {"deviceIds": ["press-4"]},
    ("POST", "/firmware/deployments"): {
        "releaseId": _RELEASE,
        "target": {"filter": {"tag": "hall-2"}},
        "waves": [{"count": 1}, {"percent": 25}, {"percent": 100}],
        "soakSeconds": 300,
        "stopAt": {"failedPercent": 20, "minimum": 5},
    },
    ("POST", "/devices/{id}/sessions"): {
        "kind": "exec",
        "params": {"workload": "shop/web", "command": ["sh"], "tty": True},
        "ttlSeconds": 3600,
    },
    ("POST", "/approvals/{id}/approve"): {"comment": "after the shift"},
    ("POST", "/approvals/{id}/reject"): {"comment": "not before Monday"},
    ("PUT", "/config-schema"): {
        "schema": {"type": "object", "properties": {"rate": {"type": "integer", "maximum": 600}}}
    },
    ("POST", "/sync"): {
        "records": [
            {
                "id": "b-1",
                "kind": "bottle",
                "companyId": "brewery-1",
                "ts": "2026-01-01T12:00:00.000Z",
                "data": {"code": "0104600494694303"},
            }
        ]
    },
    ("DELETE", "/cloud-sync/dead-letters"): _DEAD_LETTERS,
    ("POST", "/cloud-sync/dead-letters/retry"): _DEAD_LETTERS,
    ("PATCH", "/settings"): {
        "autoEnroll": False,
        "approvals": {"resources": ["commands/reboot_os"], "over": 0},
        "blastRadius": {"perCall": 20, "perHour": 200},
        "retention": {"logDays": 14},
    },
}
