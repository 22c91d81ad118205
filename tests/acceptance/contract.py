"""Calls every operation of a hub's own document, with each kind of caller and values that are
right, wrong and absurd, and compares what happens with what the document says. Callers of another
organisation, and in a scope, are told of nothing that is not theirs.

    python -m tests.acceptance.contract --seed 7 --calls 100

A short run is a test: `test_contract.py`.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

import httpx
import jsonschema_rs

from tests.acceptance.contract_things import Caller, strangers
from tests.acceptance.hub.clients import Json, bearer, new_id
from tests.acceptance.hub.conftest import PASSWORD, ROLES, log_in
from tests.acceptance.hub.process import HubProcess

LEFT_OUT: Final = {"post_auth_logout"}
"""It would end the caller."""
ABSURD: Final[tuple[Any, ...]] = (
    None, True, -1, 2**63, 1e300, "", "x" * 3000, "null", "\u202e\U0001f600", "a\0b", [], {}, [[]],
    {"a": {"b": [1]}}, "2026-01-01T00:00:00Z",
)  # fmt: skip
WORDS: Final = ("d1", "none", "x", "1.0.0", "stable", "force_sync", "AAAA", "temp", "a b", "é")
PARAMETER: Final = re.compile(r"{(\w+)}")


class Maker:
    """Values for schemas: mostly right, sometimes not."""

    def __init__(self, rng: random.Random, document: Json, ids: list[str]) -> None:
        self._rng = rng
        self._schemas: Json = document["components"]["schemas"]
        self._common = self._ids = ids

    def for_caller(self, caller: Caller) -> "Maker":
        """With the ids that it hands in: half of the time, if it has some."""
        self._ids = self._common
        if caller.ids:
            self._ids = [*self._common, *sorted(caller.ids)]
        return self

    def value(self, schema: Json, depth: int = 0) -> Any:
        if self._rng.random() < 0.05 or depth > 8:
            return self._rng.choice(ABSURD)
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], depth + 1)
        for choices in ("anyOf", "oneOf"):
            if choices in schema:
                return self.value(self._rng.choice(schema[choices]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        return self._typed(schema, depth)

    def _typed(self, schema: Json, depth: int) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                items = schema.get("items", {})
                return [self.value(items, depth + 1) for _ in range(self._rng.randint(0, 3))]
            case "integer" | "number":
                least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
                most = schema.get("maximum", 1000)
                return self._rng.choice((least, most, self._rng.randint(int(least), int(most)), -5))
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(schema)

    def _object(self, schema: Json, depth: int) -> Json:
        required = schema.get("required", ())
        made = {
            name: self.value(each, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if name in required or self._rng.random() < 0.5
        }
        if self._rng.random() < 0.03:
            made["unknown"] = 1
        return made

    def _text(self, schema: Json) -> str:
        if schema.get("format") == "date-time":
            return self._rng.choice(("2026-01-01T00:00:00Z", "2126-01-01T00:00:00+01:00"))
        known = self._rng.choice((*self._ids, *WORDS))
        return known if len(known) >= schema.get("minLength", 0) else known * 10


class Fuzz:
    """All operations of one hub; `faults` are what the document does not say."""

    def __init__(self, hub: HubProcess, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311
        self._client = httpx.Client(base_url=hub.url, timeout=30, trust_env=False)
        self._document: Json = self._client.get("/api/v1/openapi.json").json()
        admin = bearer(log_in(hub.url, "admin", hub.ready["adminPassword"]))
        self._callers = list(_callers(hub, self._client, admin))
        self._strangers = list(strangers(self._client, admin))
        self._maker = Maker(self._rng, self._document, self._made_ids())
        self._named: set[str] = set()
        """Of what is hidden: others have heard of it by who named it, in the audit for one."""
        self.faults: list[str] = []
        self.answers: dict[int, int] = {}

    def run(self, calls: int, *, by_strangers: int = 1) -> None:
        """So many of each operation by each caller, once."""
        try:
            self._run(calls, by_strangers)
        finally:
            self._client.close()

    def _run(self, calls: int, by_strangers: int) -> None:
        for path, operations in self._document["paths"].items():
            for method, operation in operations.items():
                if operation["operationId"] in LEFT_OUT:
                    continue
                for caller in self._strangers * by_strangers + self._callers * calls:
                    self._call(path, method, operation, caller)

    def _made_ids(self) -> list[str]:
        """Of things that are there."""
        admin = next(caller for caller in self._callers if caller.name == "ADMIN")
        for path, body in (
            ("devices", {"id": "d1"}),
            ("device-groups", {"name": new_id("g")}),
        ):
            self._client.post(f"/api/v1/{path}", json=body, headers=admin.headers)
        groups = self._client.get("/api/v1/device-groups", headers=admin.headers).json()["data"]
        return ["d1", *(group["id"] for group in groups)]

    def _call(self, path: str, method: str, operation: Json, caller: Caller) -> None:
        maker = self._maker.for_caller(caller)
        of: dict[str, Json] = {"path": {}, "query": {}, "header": {}}
        for parameter in operation.get("parameters", ()):
            if parameter.get("required") or self._rng.random() < 0.3:
                of[parameter["in"]][parameter["name"]] = maker.value(parameter["schema"])
        address = PARAMETER.sub(lambda found: _segment(of["path"].get(found[1], "x")), path)
        headers = {k: _plain(v) for k, v in of["header"].items()} | caller.headers
        content = self._body(operation, headers)
        answer = self._answer(
            method, address, params=_query(of["query"]), headers=headers, content=content
        )
        what = f"{method.upper()} {address} by {caller.name}"
        self._judge(what, operation, answer)
        asked = f"{unquote(str(answer.request.url))} {content!r} {headers}"
        self._named |= {word for word in caller.hidden if word in asked}
        for word in caller.hidden - self._named:
            if word not in answer.text:
                continue
            self.faults.append(f"{what}: {answer.status_code} names {word}: {answer.text[:200]}")
        if answer.status_code >= 500 and not (answer.status_code == 503 and "oidc" in path):
            self.faults.append(f"{what}: {answer.status_code} {answer.text[:200]}")

    def _answer(self, method: str, address: str, **asked: Any) -> httpx.Response:
        """One without an end has no content."""
        with self._client.stream(method, address, **asked) as answer:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return httpx.Response(answer.status_code, request=answer.request)
            answer.read()
            return answer

    def _body(self, operation: Json, headers: dict[str, str]) -> bytes | None:
        contents = operation.get("requestBody", {}).get("content", {})
        if "application/json" in contents:
            made = self._maker.value(contents["application/json"]["schema"])
            return json.dumps(made).encode()
        if contents:
            headers["Content-Type"] = "application/octet-stream"
            return self._rng.randbytes(20)
        return None

    def _judge(self, what: str, operation: Json, answer: httpx.Response) -> None:
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        documented = operation["responses"].get(str(answer.status_code))
        if documented is None:
            self.faults.append(f"{what}: {answer.status_code} {answer.text[:200]}")
            return
        if "$ref" in documented:
            name = documented["$ref"].rpartition("/")[2]
            documented = self._document["components"]["responses"][name]
        for media, content in documented.get("content", {}).items():
            if media == answer.headers.get("content-type") and "schema" in content:
                self._check(what, content["schema"], answer)

    def _check(self, what: str, schema: Json, answer: httpx.Response) -> None:
        if not answer.content or "json" not in answer.headers["content-type"]:
            return
        whole = {**schema, "components": self._document["components"]}
        try:
            jsonschema_rs.validate(whole, answer.json())
        except jsonschema_rs.ValidationError as error:
            self.faults.append(f"{what}: {answer.status_code} is not as described: {error.message}")


def _callers(hub: HubProcess, client: httpx.Client, admin: dict[str, str]) -> Iterator[Caller]:
    for role in ROLES:
        user = {"username": new_id(role.lower()), "password": PASSWORD, "role": role}
        client.post("/api/v1/users", json=user, headers=admin)
        yield Caller(role, bearer(log_in(hub.url, user["username"], PASSWORD)))
    key = {"X-Enrollment-Key": hub.ready["enrollmentKey"]}
    token = client.post("/api/v1/devices/d2/token", headers=key).json()["data"]["token"]
    yield Caller("device", bearer(token))
    yield Caller("nobody", {})


def _segment(value: Any) -> str:
    return httpx.URL("/").copy_with(path="/" + _plain(value)).raw_path.decode()[1:] or "x"


def _query(values: Json) -> httpx.QueryParams:
    found = httpx.QueryParams()
    for name, value in values.items():
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        for each in several:
            found = found.add(name, _text(each))
    return found


def _text(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) else value


def _plain(value: Any) -> str:
    """What a header and a part of a path can say."""
    return re.sub(r"[^A-Za-z0-9._ -]", "", _text(value))[:200].strip() or "x"


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    arguments.add_argument("--calls", type=int, default=50)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hub = HubProcess(Path(folder), request_rate="0", address_rate="0")
        hub.start()
        try:
            fuzz = Fuzz(hub, given.seed)
            fuzz.run(given.calls)
        finally:
            hub.stop()
    print(f"seed {given.seed}; answers {dict(sorted(fuzz.answers.items()))}")
    print("\n".join(sorted(set(fuzz.faults))) or "as the document says")
    return 1 if fuzz.faults else 0


if __name__ == "__main__":
    sys.exit(main())
