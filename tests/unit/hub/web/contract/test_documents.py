"""Both contracts: whatever the table and the protocol say stands in them, and nothing dangles."""

import re
from collections.abc import Iterator
from typing import Any, cast, get_args

import msgspec
import pytest

from hub.base.errors import PROBLEMS
from hub.rights.access import COMMAND_MINIMUM
from hub.routes import ROUTES, RULES
from hub.web.contract.asyncapi import asyncapi
from hub.web.contract.openapi import PREFIX, openapi
from hub.web.contract.rules import CONFLICTS, DISPATCH_ONE, ENROL, HEADERS, key_of
from hub.web.route import Route
from hub.workloads.applications import RESERVED_NAMES
from protocol.closing import CloseCode
from protocol.commands import COMMANDS
from protocol.dashboard import DashboardEvent, DashboardFrame
from protocol.frames import DeviceFrame, HubFrame
from protocol.ids import RESERVED_DEVICE_IDS

TABLE = ROUTES
DOCUMENT = openapi(TABLE, RULES, version="0")
SOCKETS = asyncapi(version="0")

METHODS = {"get", "post", "put", "patch", "delete"}


def operation(method: str, path: str) -> dict[str, Any]:
    return DOCUMENT["paths"][PREFIX + path][method.lower()]


def operations() -> Iterator[dict[str, Any]]:
    for item in DOCUMENT["paths"].values():
        yield from item.values()


def references(value: object) -> Iterator[str]:
    """Every `$ref` in a document."""
    match value:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for item in cast("dict[str, object]", value).values():
                yield from references(item)
        case list():
            for item in cast("list[object]", value):
                yield from references(item)
        case _:
            pass


def resolve(document: dict[str, Any], reference: str) -> object:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


# OpenAPI


@pytest.mark.parametrize("route", TABLE, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_document(route: Route) -> None:
    found = operation(route.method, route.path)

    assert found["summary"] == route.summary
    assert str(route.status) in found["responses"]
    assert ("requestBody" in found) is (route.body is not None or route.raw_body)


def test_no_path_is_in_the_document_that_is_not_in_the_table() -> None:
    documented = {
        (method.upper(), path.removeprefix(PREFIX))
        for path, item in DOCUMENT["paths"].items()
        if path.startswith(PREFIX)
        for method in item
    }

    assert documented == {key_of(route) for route in TABLE}


@pytest.mark.parametrize("document", [DOCUMENT, SOCKETS], ids=["openapi", "asyncapi"])
def test_every_reference_resolves(document: dict[str, Any]) -> None:
    for reference in set(references(document)):
        assert resolve(document, reference) is not None


def test_every_component_is_used() -> None:
    used = {reference.rpartition("/")[2] for reference in references(DOCUMENT)}

    assert set(DOCUMENT["components"]["schemas"]) <= used


def test_operation_ids_are_unique() -> None:
    ids = [found["operationId"] for found in operations()]

    assert len(ids) == len(set(ids))


def test_operation_ids_say_the_method_and_the_path() -> None:
    for method, path, name in (
        ("GET", "/devices", "get_devices"),
        ("GET", "/devices/{id}/commands/{command_id}", "get_device_command"),
        ("POST", "/firmware/deployments/{id}/pause", "post_firmware_deployment_pause"),
        ("DELETE", "/cloud-sync/dead-letters", "delete_cloud_sync_dead_letters"),
    ):
        assert operation(method, path)["operationId"] == name


@pytest.mark.parametrize(
    "route", [r for r in TABLE if r.body is not None], ids=lambda r: f"{r.method} {r.path}"
)
def test_every_body_has_an_example_that_the_hub_decodes(route: Route) -> None:
    content = operation(route.method, route.path)["requestBody"]["content"]["application/json"]

    msgspec.convert(content["example"], route.body)


def test_every_tag_is_described() -> None:
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}

    assert {tag for found in operations() for tag in found["tags"]} == described


def test_path_parameters_are_those_of_the_path() -> None:
    for path, item in DOCUMENT["paths"].items():
        for found in item.values():
            declared = [p["name"] for p in found.get("parameters", ()) if p["in"] == "path"]
            assert declared == re.findall(r"{(\w+)}", path)


def test_query_parameters_have_the_names_and_limits_of_the_struct() -> None:
    parameters = {p["name"]: p for p in operation("GET", "/devices")["parameters"]}

    filters = {"q", "status", "groupId", "tag", "connected", "query"}
    assert set(parameters) == {"limit", "cursor", *filters}
    assert parameters["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 500,
        "default": 50,
    }
    assert parameters["groupId"] == {
        "name": "groupId",
        "in": "query",
        "required": False,
        "schema": {"type": "string"},
    }


def test_a_parameter_without_a_default_is_required() -> None:
    parameters = {p["name"]: p for p in operation("GET", "/devices/{id}/metrics")["parameters"]}

    assert parameters["name"]["required"]
    assert not parameters["step"]["required"]


def test_a_body_says_its_defaults_in_words() -> None:
    """Generators of types take a member with `default` for one that is always there."""
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas["LoginBody"]["required"] == ["username", "password"]
    assert schemas["LoginBody"]["properties"]["cookie"] == {"type": "boolean"}
    assert schemas["PullLogs"]["properties"]["lines"]["description"] == "Default: 200."
    assert [
        n for n, s in schemas.items() for m in s.get("properties", {}).values() if "default" in m
    ] == []


def test_an_answer_requires_what_it_always_carries() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert {"commandId", "status", "success", "output", "data", "error"} == set(
        schemas["CommandResult"]["required"]
    )
    assert "hidden" not in schemas["CommandRecord"]["required"]
    assert "rawHours" in schemas["Retention"]["required"]


def test_a_list_has_a_page() -> None:
    content = operation("GET", "/users")["responses"]["200"]["content"]["application/json"]

    assert content["schema"]["properties"]["data"]["type"] == "array"
    assert content["schema"]["required"] == ["success", "data", "page"]


def test_an_answer_without_data_is_null() -> None:
    content = operation("POST", "/auth/logout")["responses"]["200"]["content"]["application/json"]

    assert content["schema"]["properties"]["data"] == {"type": "null"}


def test_what_is_made_is_located() -> None:
    assert "Location" in operation("POST", "/users")["responses"]["201"]["headers"]


def test_dispatch_may_answer_later() -> None:
    found = operation(*DISPATCH_ONE)
    accepted = found["responses"]["202"]
    data = accepted["content"]["application/json"]["schema"]["properties"]["data"]

    assert "Location" in accepted["headers"]
    assert data["required"] == ["commandId", "status"]
    assert data["properties"].keys() == {"commandId", "status", "approvalId", "expiresAt"}
    assert {p["name"] for p in found["parameters"]} == {"id", "Idempotency-Key", "Prefer"}


def test_a_bulk_that_is_not_over_names_its_batch() -> None:
    for path in ("/commands/bulk", "/device-groups/{id}/commands"):
        accepted = operation("POST", path)["responses"]["202"]["content"]["application/json"]
        assert accepted["schema"]["properties"]["data"]["required"] == ["batchId"]


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("POST", "/auth/login", "none"),
        ("GET", "/devices", "VIEWER"),
        ("POST", "/devices/{id}/commands", "OPERATOR"),
        ("POST", "/device-groups", "MANAGER"),
        ("POST", "/firmware/releases", "ADMIN"),
    ],
)
def test_the_required_role_is_named(method: str, path: str, role: str) -> None:
    found = operation(method, path)

    assert found["x-required-role"] == role
    assert found["security"] == ([] if role == "none" else [{"bearer": []}])


def test_enrolment_takes_its_key_or_the_devices_own_token() -> None:
    for key in ENROL:
        assert operation(*key)["security"] == [
            {"enrollmentKey": []},
            {"enrollmentToken": []},
            {"enrollmentRequest": []},
            {"bearer": []},
            {"certificate": []},
        ]


def test_every_command_says_who_may_send_it() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    for name, spec in COMMANDS.items():
        schema = schemas[spec.params.__name__]
        assert schema["x-required-role"] == COMMAND_MINIMUM.get(name, "ADMIN")
        assert schema["x-danger"] == str(spec.danger)


def test_every_problem_of_the_hub_can_be_answered_somewhere() -> None:
    answered = {int(status) for found in operations() for status in found["responses"]}

    assert {row.status for row in PROBLEMS.values()} <= answered


def test_codes_of_a_problem_are_those_of_its_status() -> None:
    conflict = DOCUMENT["components"]["responses"]["Problem409"]["content"]
    schema = conflict["application/problem+json"]["schema"]

    assert schema["allOf"][1]["properties"]["code"]["enum"] == [
        "conflict",
        "too_many",
        "last_administrator",
        "shared_account",
        "sign_in_first",
        "public_url_missing",
        "master_key_missing",
        "unsupported",
        "untrusted_query",
        "needs_signature",
        "quarantined",
        "device_offline",
        "ended",
    ]


@pytest.mark.parametrize("keys", [CONFLICTS, set(HEADERS), ENROL | {DISPATCH_ONE}])
def test_what_is_named_beside_the_table_is_in_the_table(keys: set[tuple[str, str]]) -> None:
    assert keys <= {key_of(route) for route in TABLE}


def test_every_route_may_answer_that_a_limit_is_used_up() -> None:
    for route in TABLE:
        assert "429" in operation(route.method, route.path)["responses"]
    headers = DOCUMENT["components"]["responses"]["Problem429"]["headers"]
    assert set(headers) == {"Retry-After", "RateLimit", "RateLimit-Policy"}


def test_an_upload_is_a_stream_of_octets() -> None:
    body = operation("POST", "/firmware/releases")["requestBody"]["content"]

    assert set(body) == {"application/octet-stream"}


def test_a_download_may_be_asked_for_in_part() -> None:
    found = operation("GET", "/firmware/releases/{id}/artifact")

    assert {"200", "206", "416"} <= set(found["responses"])
    assert "Range" in {parameter["name"] for parameter in found["parameters"]}


def test_it_is_json_that_is_the_same_each_time() -> None:
    again = openapi(TABLE, RULES, version="0")

    assert msgspec.json.encode(again) == msgspec.json.encode(DOCUMENT)


def test_no_id_that_others_choose_is_a_word_of_a_path() -> None:
    """`/devices/connected` is a list, so no device is called `connected`. Ids of other records are
    made by the hub; those of commands stand where no path has a word."""
    paths = [route.path.split("/") for route in TABLE]
    words = {
        (tuple(path[:at]), other[at])
        for path in paths
        for at, part in enumerate(path)
        if part.startswith("{")
        for other in paths
        if len(other) == len(path)
        and not other[at].startswith("{")
        and all(
            mine == others or "{" in (mine[:1], others[:1])
            for mine, others in zip(path, other, strict=True)
        )
    }

    assert {word for where, word in words if where == ("", "devices")} == RESERVED_DEVICE_IDS
    assert {word for where, word in words if where == ("", "applications")} == RESERVED_NAMES
    made_here = {
        ("", "cloud-sync", "dead-letters"),
        ("", "invitations"),
        ("", "auth", "passkeys"),
        ("", "schedules"),
        ("", "alerts"),
        ("", "alert-rules"),
    }
    chosen = {("", "devices"), ("", "applications"), ("", "device", "desired")}
    assert {where for where, _ in words} - chosen <= made_here


# AsyncAPI


@pytest.mark.parametrize(
    ("name", "union"),
    [
        ("receive_device", DeviceFrame),
        ("send_device", HubFrame),
        ("receive_dashboard", DashboardFrame),
        ("send_dashboard", DashboardEvent),
    ],
)
def test_every_frame_is_a_message_of_its_operation(name: str, union: Any) -> None:
    titles = {
        cast("dict[str, Any]", resolve(SOCKETS, reference["$ref"]))["$ref"].rpartition("/")[2]
        for reference in SOCKETS["operations"][name]["messages"]
    }

    assert {kind.__name__ for kind in get_args(union)} <= titles


def test_every_command_goes_down_with_its_id_and_deadline() -> None:
    for spec in COMMANDS.values():
        schema = SOCKETS["components"]["schemas"][spec.params.__name__]
        assert {"id", "deadline", "serverTime", "type"} <= set(schema["required"])
        assert "additionalProperties" not in schema


def test_every_event_of_a_dashboard_has_its_place() -> None:
    for kind in get_args(DashboardEvent):
        schema = SOCKETS["components"]["schemas"][kind.__name__]
        assert {"epoch", "offset", "deviceId", "ts"} <= set(schema["required"])


def test_a_message_is_named_as_its_type_on_the_wire() -> None:
    for message in SOCKETS["components"]["messages"].values():
        schema = cast("dict[str, Any]", resolve(SOCKETS, message["payload"]["$ref"]))
        assert schema["properties"]["type"]["enum"] == [message["name"]]


def test_every_close_code_is_listed() -> None:
    assert [row["code"] for row in SOCKETS["x-close-codes"]] == [int(code) for code in CloseCode]


def test_every_way_to_authenticate_is_described() -> None:
    used = {
        reference["$ref"].rpartition("/")[2]
        for found in SOCKETS["operations"].values()
        for reference in found["security"]
    }

    assert used == set(SOCKETS["components"]["securitySchemes"])
