"""What the OpenAPI document says in words: of the whole, of each tag, of each credential."""

from typing import Final

from hub.web.contract.shapes import Json

ABOUT: Final = """\
Success is `{"success": true, "data": …}`; a list adds `page.next`, the cursor of the next page, or
null at the end. Failure is a problem document (RFC 9457) whose `code` a program can rely on.

Authenticate with `Authorization: Bearer <token>`: the token of `POST /api/v1/auth/login`, or an API
key (`ll_…`). Each operation names the least role that may call it (`x-required-role`); roles are
ordered VIEWER, OPERATOR, MANAGER, ADMIN. Times are RFC 3339 in UTC with milliseconds.

A JSON body has at most 1 MiB (8 KiB where an operation needs no authentication) and no content
coding. Unknown body fields, unknown query parameters and wrong values are errors. An array
parameter may be repeated and matches any of its values. A cursor is valid only for the same list
with the same filters.

Rates are limited: requests and commands per second for each user and API key, requests for each
device, and for each address without authentication. The headers `RateLimit` and `RateLimit-Policy`
(draft-ietf-httpapi-ratelimit-headers) of every answer describe the limit that applied. Above the
limit the answer is 429: its `detail` names the limit, and `Retry-After` the seconds to wait.

The two WebSockets are described by `/api/v1/asyncapi.json`."""

TAGS: Final = {
    "auth": "Sign-in and sign-out, your own account, tickets for dashboard sockets.",
    "users": "The users of the organisation.",
    "service-accounts": "Members that nobody signs in as: programs, by API keys.",
    "invitations": "Links by which people become members.",
    "teams": "Named sets of users.",
    "permissions": "What there is to have a right to.",
    "roles": "Named sets of rights.",
    "secrets": "Values that commands name instead of holding them; nobody reads them back.",
    "schedules": "What is done at times of the calendar, and what came of it.",
    "alerts": "What is wrong, until it is resolved.",
    "alert-rules": "When an alert is raised of a device.",
    "notification-channels": "Where people are told of alerts.",
    "silences": "Of which alerts nobody is told for a while.",
    "webhooks": "Addresses to which events are delivered, and what was delivered.",
    "applications": "Compose files, their revisions, and their roll-outs.",
    "config-maps": "Data that applications mount or read, in versions.",
    "registries": "How devices sign in where images come from.",
    "role-bindings": "Who has which role, and where.",
    "orgs": "The organisations of the installation, for its administrators.",
    "api-keys": "Long-lived credentials for programs.",
    "devices": "Enrolment, the list of devices, their telemetry, configuration and commands.",
    "enrollment-tokens": "One-time and bounded tokens by which devices come in.",
    "enrollment-requests": "Devices that wait for an administrator.",
    "ca": "The authorities that give certificates to devices.",
    "certificates": "The certificates of devices.",
    "events": "What devices sent and the hub says of them, over the whole fleet.",
    "logs": "Log lines of the whole fleet.",
    "edge-records": "Records of production.",
    "fleet": "Metrics of many devices at once.",
    "commands": "Commands of all devices, and bulk dispatch.",
    "command-types": "What devices can, their own commands among it.",
    "approvals": "Calls that a second person approves before they are carried out.",
    "sessions": "Byte streams to devices: terminals, programs, logs, files and forwards.",
    "campaigns": "A command, a release or an application for many devices, in waves.",
    "device-groups": "Named sets of devices.",
    "firmware": "Releases and their artifacts.",
    "config-schema": "The JSON Schema of device configurations.",
    "sync": "Production records from devices.",
    "device": "What a device asks for itself.",
    "cloud-sync": "The queue of records to the cloud.",
    "health": "The health of the hub and the fleet.",
    "usage": "What the organisation has used, day by day.",
    "settings": "Enrolment, approvals, caps and retention.",
    "audit-log": "The audit log of privileged actions.",
    "process": "Endpoints for load balancers, monitoring and other services.",
}

SECURITY: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A user's token, an API key (`ll_…`), or, where noted, a device's token.",
    },
    "enrollmentKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Enrollment-Key",
        "description": "The organisation's enrolment key.",
    },
    "enrollmentToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Enrollment-Token",
        "description": "An enrolment token (`lle_…`).",
    },
    "enrollmentRequest": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Enrollment-Request",
        "description": "The `requestSecret` of a device that waited for an administrator.",
    },
    "certificate": {
        "type": "mutualTLS",
        "description": "A device's certificate, at the device listener or by a trusted proxy.",
    },
}
