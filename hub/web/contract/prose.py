"""What the OpenAPI document says in words: of the whole, of each tag, of each credential."""

from typing import Final

from hub.web.contract.shapes import Json

ABOUT: Final = """\
Success is `{"success": true, "data": …}`; a list adds `page.next`, the cursor of the next page, or
null at the end. Failure is a problem document (RFC 9457) whose `code` a program can rely on.

Authenticate with `Authorization: Bearer <token>`: the token of `POST /api/v1/auth/login`, or an API
key (`ll_…`). Each operation names the least role that may call it (`x-required-role`); roles are
ordered VIEWER, OPERATOR, MANAGER, ADMIN. Times are RFC 3339 in UTC with milliseconds.

JSON bodies may have 1 MiB, 8 KiB where an operation is open to everybody, and no content coding.
Unknown fields of a body and unknown query parameters are errors, and so are wrong values; a
parameter that is an array may come several times and matches any of its values. A cursor is good
for the same list with the same filters only.

There are limits: requests and commands a second for each user and API key, requests for each
device, and for each address where nobody has said who he is. Every answer says in `RateLimit` and
`RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) how that one stands that counted it; over
it the answer is 429, whose `detail` names the limit, and `Retry-After` says when to come again.

The two WebSockets are described by `/api/v1/asyncapi.json`."""

TAGS: Final = {
    "auth": "Signing in and out, one's own account, tickets for dashboard sockets.",
    "users": "The users of the organisation.",
    "api-keys": "Long-lived credentials for programs.",
    "devices": "Enrolment, the list of devices, their telemetry, configuration and commands.",
    "fleet": "Readings of many devices at once.",
    "commands": "Commands of all devices, and bulk dispatch.",
    "device-groups": "Named sets of devices.",
    "firmware": "Releases and their artifacts.",
    "config-schema": "What a configuration may hold.",
    "sync": "What devices produced.",
    "cloud-sync": "The way of records to the cloud.",
    "health": "How the hub is.",
    "settings": "Enrolment and retention.",
    "audit-log": "Who did what to whom.",
    "process": "What load balancers, monitoring and other services ask.",
}

SECURITY: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A user's token, an API key (`ll_…`), or where it is said a device's token.",
    },
    "enrollmentKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Enrollment-Key",
        "description": "The organisation's enrolment key.",
    },
}
