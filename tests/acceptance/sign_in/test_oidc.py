"""Signing in by a real provider of OpenID Connect: identity.md, 3, 9 and 13."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import datetime
from http.cookies import SimpleCookie
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from msgspec import Struct

from tests.acceptance.hub.clients import Json, Rest, bearer, new_id
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.people import bind, make_user, new_organisation, sign_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.sign_in.provider import CLIENT, SECRET, Browser, ProviderProcess, install


class Place(Struct, frozen=True):
    hub: HubProcess
    provider: ProviderProcess
    open: Json
    """A provider of the installation that makes accounts."""
    closed: Json
    """One that makes none."""
    works: Json
    """One that makes them for verified addresses of example.org, of the organisation default."""

    def start(self, provider: Json, **query: str) -> str:
        return str(httpx.URL(provider["startUrl"], params=query))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def oidc(issuer: str, **fields: object) -> Json:
    return {
        "kind": "oidc", "name": "Works account", "issuer": issuer, "clientId": CLIENT,
        "clientSecret": SECRET, **fields,
    }  # fmt: skip


def add_provider(hub: HubProcess, token: str, body: Json) -> Json:
    answer = httpx.post(
        f"{hub.url}/api/v1/auth/providers", json=body, headers=bearer(token), trust_env=False
    )
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["data"]
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    folder: Path = tmp_path_factory.mktemp("provider")
    install(folder)
    hub = HubProcess(
        tmp_path_factory.mktemp("hub"), webhook_allow="127.0.0.1", request_rate="0",
        address_rate="0",
    )  # fmt: skip
    hub.start()
    provider = ProviderProcess(folder)
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    made = [
        add_provider(hub, token, oidc(provider.issuer, **fields))
        for fields in (
            {"create": True},
            {},
            {
                "create": True, "emailDomains": ["Example.org"], "installation": False,
                "scopes": ["openid", "profile", "email"],
            },
        )
    ]  # fmt: skip
    callbacks = [str(each["startUrl"]).removesuffix("start") + "callback" for each in made]
    provider.start(callbacks, f"{hub.url}/api/v1/auth/oidc/{made[0]['id']}/logout")
    yield Place(hub, provider, *made)
    provider.stop()
    assert hub.stop() == 0
    assert SECRET not in hub.log()
    assert '"level": "error"' not in hub.log()


@pytest_asyncio.fixture
async def admin(place: Place) -> AsyncGenerator[Rest]:
    token = log_in(place.hub.url, "admin", place.hub.ready["adminPassword"])
    async with Rest.open(place.hub.url, token) as rest:
        yield rest


@asynccontextmanager
async def session_of(
    place: Place, browser: Browser, org: str = "default"
) -> AsyncGenerator[tuple[Rest, Json]]:
    """(caller, what its refresh answered) of a browser that has come back signed in."""
    base = str(place.open["startUrl"]).partition("/api/v1")[0]
    answer = await browser.client.post(f"{base}/api/v1/auth/refresh", json={"orgId": org})
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    async with Rest.open(place.hub.url, data["token"]) as rest:
        yield rest, data


async def signed_in_by(
    place: Place, browser: Browser, provider: Json, sub: str, **query: str
) -> httpx.Response:
    answer = await browser.sign_in(place.start(provider, **query), sub)
    assert answer.status_code == 302, answer.text
    return answer


def new_person(place: Place, **claims: object) -> str:
    sub = new_id("sub")
    place.provider.person(sub, **{"preferred_username": sub, "name": "Somebody", **claims})
    return sub


async def in_database(place: Place, statement: str, *values: object) -> str:
    """What a statement returns of one row."""
    connection = await asyncpg.connect(place.hub.ready["databaseUrl"])
    try:
        found = await connection.fetchval(statement, *values)
        assert found is not None
        return str(found)
    finally:
        await connection.close()


# Signing in


async def test_a_name_that_is_taken_signs_in_to_another_account(place: Place, admin: Rest) -> None:
    local = await make_user(admin, "ADMIN")
    sub = new_person(place, preferred_username=local["username"], email="boss@example.org")
    async with Browser() as browser:
        answer = await signed_in_by(place, browser, place.open, sub, returnTo="/devices?x=1")
        assert answer.headers["location"] == "/devices?x=1"
        assert answer.headers["cache-control"] == "no-store"
        kept = [SimpleCookie(each) for each in answer.headers.get_list("set-cookie")]
        (refresh,) = [m for each in kept for n, m in each.items() if n.startswith("longline_ref")]
        assert (refresh["samesite"], refresh["httponly"]) == ("Strict", True)
        async with session_of(place, browser) as (caller, _):
            me = await caller.data("/auth/me")
    assert (me["username"], me["role"]) == (f"{local['username']}-2", "NONE")
    assert me["id"] != local["id"]
    async with Browser() as another:
        await signed_in_by(place, another, place.open, sub)
        async with session_of(place, another) as (caller, _):
            assert (await caller.data("/auth/me"))["id"] == me["id"]
    body = {"username": me["username"], "password": ""}
    assert code(await admin.post("/auth/login", body)) == (401, "unauthenticated")


async def test_two_first_sign_ins_at_once_make_one_account(place: Place) -> None:
    sub = new_person(place)
    found: list[str] = []

    async def once() -> None:
        async with Browser() as browser:
            await signed_in_by(place, browser, place.open, sub)
            async with session_of(place, browser) as (caller, _):
                found.append((await caller.data("/auth/me"))["id"])

    await asyncio.gather(*(once() for _ in range(3)))
    assert len(found) == 3
    assert len(set(found)) == 1


async def test_without_an_account_nobody_signs_in_and_a_link_makes_it_ones_own(
    place: Place, admin: Rest
) -> None:
    user = await make_user(admin, "VIEWER")
    sub = new_person(place, preferred_username=user["username"])
    async with Browser() as browser:
        refused = await signed_in_by(place, browser, place.closed, sub)
        assert refused.headers["location"] == "/login?error=no_account"
        assert "longline_refresh_" not in str(refused.headers.get_list("set-cookie"))
        stranger = await browser.client.get(place.start(place.closed, link="1"))
        assert code(stranger) == (401, "unauthenticated")
    async with Browser() as browser:
        browser.client.headers.update(bearer(sign_in(place.hub.url, user["username"])["token"]))
        linked = await signed_in_by(
            place, browser, place.closed, sub, link="1", returnTo="/account"
        )
        assert linked.headers["location"] == "/account"
    async with Browser() as browser:
        await signed_in_by(place, browser, place.closed, sub)
        async with session_of(place, browser) as (caller, _):
            assert (await caller.data("/auth/me"))["id"] == user["id"]
    other = await make_user(admin, "VIEWER")
    async with Browser() as browser:
        browser.client.headers.update(bearer(sign_in(place.hub.url, other["username"])["token"]))
        taken = await signed_in_by(place, browser, place.closed, sub, link="1")
        assert taken.headers["location"] == "/login?error=bad_answer"


async def test_a_browser_links_by_the_cookie_that_it_keeps(place: Place, admin: Rest) -> None:
    user = await make_user(admin, "VIEWER")
    sub = new_person(place)
    base = str(place.open["startUrl"]).partition("/api/v1")[0]
    async with Browser() as browser:
        body = {"username": user["username"], "password": PASSWORD, "cookie": True}
        await browser.client.post(f"{base}/api/v1/auth/login", json=body)
        linked = await signed_in_by(place, browser, place.closed, sub, link="1", returnTo="/x")
        assert linked.headers["location"] == "/x"
        async with session_of(place, browser):  # the cookie was not used up
            pass
    async with Browser() as browser:
        await signed_in_by(place, browser, place.closed, sub)
        async with session_of(place, browser) as (caller, _):
            assert (await caller.data("/auth/me"))["id"] == user["id"]


async def test_addresses_count_when_the_provider_has_verified_them(place: Place) -> None:
    for claims, end in (
        ({"email": "a@example.org", "email_verified": False}, "/login?error=no_account"),
        ({"email": "a@example.org.evil.com", "email_verified": True}, "/login?error=no_account"),
        ({"email": "a@EXAMPLE.org", "email_verified": True}, "/"),
    ):
        async with Browser() as browser:
            answer = await signed_in_by(place, browser, place.works, new_person(place, **claims))
            assert answer.headers["location"] == end, claims


# What comes back


async def test_a_state_is_good_once_and_in_its_browser(place: Place) -> None:
    sub = new_person(place)
    async with Browser() as browser, Browser() as thief:
        callback = await browser.to_provider(place.start(place.open), sub)
        stolen = await thief.client.get(callback)
        assert stolen.headers["location"] == "/login?error=state_expired"
        good = await browser.client.get(callback)
        assert good.headers["location"] == "/"
        again = await browser.client.get(callback)
        assert again.headers["location"] == "/login?error=state_expired"


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({"iss": "https://evil.example"}, "bad_answer"),
        ({"iss": None}, "bad_answer"),
        ({"code": "made-up"}, "bad_answer"),
        ({"code": None, "error": "access_denied"}, "bad_answer"),
        ({"code": None, "error": "temporarily_unavailable"}, "provider_unavailable"),
        ({"session_state": "of others"}, None),
    ],
)
async def test_answers_that_are_not_this_providers_are_refused(
    place: Place, changed: dict[str, str | None], end: str | None
) -> None:
    async with Browser() as browser:
        callback = httpx.URL(await browser.to_provider(place.start(place.open), new_person(place)))
        params = {**dict(callback.params), **changed}
        url = callback.copy_with(
            params={name: value for name, value in params.items() if value is not None}
        )
        answer = await browser.client.get(url)
        expected = "/" if end is None else f"/login?error={end}"
        assert answer.headers["location"] == expected


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "devices", "/a\tb"]
)
async def test_a_browser_goes_on_to_a_path_of_ours_only(place: Place, path: str) -> None:
    async with Browser() as browser:
        answer = await browser.client.get(place.start(place.open, returnTo=path))
        assert code(answer) == (400, "invalid")


async def test_what_is_not_there_is_not_started(place: Place) -> None:
    async with Browser() as browser:
        start = place.start(place.open).replace(place.open["id"], "nobody")
        assert code(await browser.client.get(start)) == (404, "not_found")
        nowhere = place.start(place.open, orgId="nowhere")
        assert code(await browser.client.get(nowhere)) == (404, "not_found")


async def test_a_provider_that_is_away_refuses_sign_in_and_leaves_sessions(place: Place) -> None:
    sub = new_person(place)
    async with Browser() as browser, Browser() as late:
        await signed_in_by(place, browser, place.open, sub)
        callback = await late.to_provider(place.start(place.open), sub)
        place.provider.control("away", away=True)
        try:
            answer = await late.client.get(callback)
            assert answer.headers["location"] == "/login?error=provider_unavailable"
            async with session_of(place, browser) as (caller, data):
                await aged(place, caller)
                async with session_of(place, browser) as (caller, _):
                    assert (await caller.get("/auth/me")).status_code == 200
                    assert data["user"]["username"] == sub
        finally:
            place.provider.control("away", away=False)


async def aged(place: Place, caller: Rest) -> None:
    """Its provider was asked fifteen minutes ago."""
    (session,) = [each for each in await caller.data("/auth/sessions") if each["current"]]
    await in_database(
        place,
        "UPDATE provider_grant g SET checked_at = now() - interval '901 seconds' "
        "FROM provider_session p WHERE p.grant_id = g.grant_id AND p.session_id = $1 "
        "RETURNING g.grant_id",
        session["id"],
    )


async def test_who_is_disabled_at_the_provider_is_refused_at_the_next_check(place: Place) -> None:
    sub = new_person(place)
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, sub)
        async with session_of(place, browser) as (caller, data):
            place.provider.control("person", sub=sub, claims=None)
            assert (await caller.get("/auth/me")).status_code == 200
            await aged(place, caller)
            refused = await browser.client.post(
                str(place.open["startUrl"]).partition("/oidc/")[0] + "/refresh", json={}
            )
            assert code(refused) == (401, "unauthenticated")
            assert (await caller.get("/auth/me")).status_code == 401
            assert data["user"]["username"] == sub


async def test_a_session_ends_after_the_hours_of_its_provider(place: Place, admin: Rest) -> None:
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, new_person(place))
        async with session_of(place, browser) as (caller, _):
            (session,) = await caller.data("/auth/sessions")
    created, ends = session["createdAt"], session["endsAt"]
    hours = (_seconds(ends) - _seconds(created)) / 3600
    assert 11.9 < hours <= 12


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


async def test_who_signs_out_at_the_provider_is_signed_out_here(place: Place) -> None:
    sub = new_person(place)
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, sub)
        async with session_of(place, browser) as (caller, _):
            url = f"{place.hub.url}/api/v1/auth/oidc/{place.open['id']}/logout"
            for token in ("", "nonsense", "a.b.c"):
                wrong = await browser.client.post(url, data={"logout_token": token})
                assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_request"})
            assert (await caller.get("/auth/me")).status_code == 200
            place.provider.control("logout", client=CLIENT, sub=sub, sid="s")
            assert (await caller.get("/auth/me")).status_code == 200  # another session's
            sid = await in_database(
                place, "UPDATE provider_grant SET sid = sid WHERE subject = $1 RETURNING sid", sub
            )
            place.provider.control("logout", client=CLIENT, sub=sub, sid=sid)
            assert (await caller.get("/auth/me")).status_code == 401


# Groups


async def test_groups_give_bindings_to_the_session_that_carries_them(
    place: Place, admin: Rest
) -> None:
    group = new_id("group")
    await bind(admin, "OPERATOR", ("group_claim", group))
    sub = new_person(place, groups=["others", group])
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, sub)
        async with session_of(place, browser) as (caller, data):
            me = await caller.data("/auth/me")
            assert (data["user"]["role"], me["role"]) == ("NONE", "NONE")
            assert (await caller.get("/devices")).status_code == 200
            access = await admin.data(f"/users/{me['id']}/access", resource="devices", verb="list")
            assert access["allowed"]
            place.provider.person(sub, preferred_username=sub, groups=["others"])
            assert (await caller.get("/devices")).status_code == 200
            await aged(place, caller)
            async with session_of(place, browser) as (later, _):
                assert code(await later.get("/devices")) == (403, "forbidden")
                assert code(await caller.get("/devices")) == (403, "forbidden")


async def test_a_session_by_password_has_no_groups(place: Place, admin: Rest) -> None:
    group = new_id("group")
    user = await make_user(admin)
    await bind(admin, "VIEWER", ("group_claim", group))
    sub = new_person(place, groups=[group])
    async with Browser() as browser:
        token = sign_in(place.hub.url, user["username"])["token"]
        browser.client.headers.update(bearer(token))
        await signed_in_by(place, browser, place.open, sub, link="1")
        del browser.client.headers["Authorization"]
        await signed_in_by(place, browser, place.open, sub)
        async with (
            session_of(place, browser) as (caller, _),
            Rest.open(place.hub.url, token) as by_password,
        ):
            assert (await caller.get("/devices")).status_code == 200
            assert code(await by_password.get("/devices")) == (403, "forbidden")
            await caller.post("/auth/logout")
            assert code(await by_password.get("/devices")) == (403, "forbidden")


# Showing again who it is


async def test_a_provider_shows_again_who_it_is(place: Place, admin: Rest) -> None:
    sub, other = new_person(place), new_person(place)
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, sub)
        async with session_of(place, browser) as (caller, _):
            (session,) = await caller.data("/auth/sessions")
            await in_database(
                place,
                "UPDATE user_session SET authenticated_at = now() - interval '1 hour' "
                "WHERE session_id = $1 RETURNING session_id",
                session["id"],
            )
            asked = await caller.post("/auth/totp")
            assert code(asked) == (403, "reauthenticate")
            assert asked.json()["methods"] == ["provider"]
            browser.client.cookies.clear(domain="127.0.0.1")  # nobody is signed in there
            mistaken = await signed_in_by(place, browser, place.open, other, reauthenticate="1")
            assert mistaken.headers["location"] == "/login?error=bad_answer"
            assert code(await caller.post("/auth/totp")) == (403, "reauthenticate")
            browser.client.cookies.clear(domain="127.0.0.1")
            shown = await signed_in_by(
                place, browser, place.open, sub, reauthenticate="1", returnTo="/account"
            )
            assert shown.headers["location"] == "/account"
            assert (await caller.post("/auth/totp")).status_code == 200


async def test_the_provider_asks_anew_for_it(place: Place) -> None:
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, new_person(place))
        async with session_of(place, browser):
            sent = await browser.client.get(place.start(place.open, reauthenticate="1"))
            params = httpx.URL(sent.headers["location"]).params
            assert (params["prompt"], params["max_age"]) == ("login", "0")
            assert params["code_challenge_method"] == "S256"


# Organisations


async def test_a_provider_of_an_organisation_signs_in_to_no_other(
    place: Place, admin: Rest
) -> None:
    async with new_organisation(place.hub, admin) as (org, there), Browser() as browser:
        assert code(await browser.client.get(place.start(place.works, orgId=org))) == (
            404, "not_found",
        )  # fmt: skip
        listed = (await there.get("/auth/providers", orgId=org)).json()["data"]
        assert place.works["id"] not in [each["id"] for each in listed]
        assert (await there.get(f"/auth/providers/{place.works['id']}")).status_code == 404
        sub = new_person(place, email=f"{new_id('a')}@example.org", email_verified=True)
        await signed_in_by(place, browser, place.works, sub)
        async with session_of(place, browser) as (caller, _):
            invited = await there.post("/invitations", {"role": "VIEWER"})
            accepted = await caller.post(
                "/invitations/accept", {"token": invited.json()["data"]["token"]}
            )
            assert accepted.status_code == 200, accepted.text
            switched = await caller.post("/auth/switch", {"orgId": org})
            assert code(switched) == (403, "forbidden")


async def test_a_provider_of_an_organisation_adds_nothing_to_an_account_of_several(
    place: Place, admin: Rest
) -> None:
    """Who administers it could sign in as its people, and with what it added elsewhere, too."""
    async with new_organisation(place.hub, admin) as (_, there), Browser() as browser:
        sub = new_person(place, email=f"{new_id('a')}@example.org", email_verified=True)
        await signed_in_by(place, browser, place.works, sub)
        async with session_of(place, browser) as (caller, _):
            assert (await caller.post("/auth/totp")).status_code == 200
            invited = await there.post("/invitations", {"role": "VIEWER"})
            body = {"token": invited.json()["data"]["token"]}
            assert (await caller.post("/invitations/accept", body)).status_code == 200
            assert code(await caller.post("/auth/totp")) == (409, "shared_account")
            confirmed = await caller.post("/auth/totp/confirm", {"code": "000000"})
            assert code(confirmed) == (409, "shared_account")
            token = str(caller.client.headers["authorization"])
            browser.client.headers["Authorization"] = token
            linked = await browser.client.get(place.start(place.open, link="1"))
            assert code(linked) == (409, "shared_account")


async def test_a_provider_of_the_installation_makes_members_where_they_are_sent(
    place: Place, admin: Rest
) -> None:
    async with new_organisation(place.hub, admin) as (org, _), Browser() as browser:
        await signed_in_by(place, browser, place.open, new_person(place), orgId=org)
        async with session_of(place, browser, org) as (caller, data):
            me = await caller.data("/auth/me")
            assert (data["orgId"], me["role"]) == (org, "NONE")
            assert [each["id"] for each in me["organisations"]] == [org]


# Providers


async def test_a_secret_goes_in_and_never_comes_out(place: Place, admin: Rest) -> None:
    secret = "s" + secrets.token_hex(16)
    body = oidc(place.provider.issuer, clientSecret=secret, name="Another")
    made = (await admin.post("/auth/providers", body)).json()["data"]
    path = f"/auth/providers/{made['id']}"
    assert made["hasSecret"]
    assert made["settings"]["sessionHours"] == 12
    another = secret + "-new"
    changed = await admin.client.patch(path, json={"clientSecret": another, "name": "Renamed"})
    assert changed.status_code == 200, changed.text
    moved = await admin.client.patch(path, json={"issuer": "https://evil.example"})
    assert code(moved) == (400, "invalid")
    assert moved.json()["errors"][0]["field"] == "clientSecret"
    listed = await admin.get("/auth/providers")
    assert {"id": made["id"], "kind": "oidc", "name": "Renamed", "startUrl": made["startUrl"]} in (
        listed.json()["data"]
    )
    assert listed.json()["data"][0]["kind"] == "password"
    audit = await admin.get("/audit-log", limit=20)
    for text in (changed.text, listed.text, audit.text, (await admin.get(path)).text):
        assert secret not in text
    assert '"clientSecret":["hidden","hidden"]' in audit.text
    assert (await admin.client.delete(path)).status_code == 200
    assert (await admin.get(path)).status_code == 404
    assert secret not in place.hub.log()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "http://10.0.0.1"),
        ("issuer", "https://10.0.0.1"),
        ("issuer", "https://[::ffff:127.0.0.2]"),
        ("issuer", "https://user@login.example.org"),
        ("issuer", "not a url"),
        ("scopes", ["profile"]),
        ("clientId", None),
        ("name", "\u202e"),
        ("url", "ldaps://a.example"),
        ("sessionHours", 0),
        ("emailDomains", "example.org"),
    ],
)
async def test_settings_that_cannot_be_are_refused(
    place: Place, admin: Rest, field: str, value: object
) -> None:
    body = {**oidc(place.provider.issuer), field: value}
    answer = await admin.post("/auth/providers", body)
    assert code(answer) == (400, "invalid")


async def test_the_installations_are_for_who_administers_it(place: Place, admin: Rest) -> None:
    user = await make_user(admin, "ADMIN")
    token = sign_in(place.hub.url, user["username"])["token"]
    async with Rest.open(place.hub.url, token) as other:
        path = f"/auth/providers/{place.open['id']}"
        assert code(await other.client.patch(path, json={"name": "x"})) == (403, "forbidden")
        assert code(await other.client.delete(path)) == (403, "forbidden")
        body = oidc(place.provider.issuer)
        wanted = await other.post("/auth/providers", {**body, "installation": True})
        assert code(wanted) == (403, "forbidden")
        made = await other.post("/auth/providers", body)
        assert not made.json()["data"]["installation"]
        await other.client.delete(f"/auth/providers/{made.json()['data']['id']}")


async def test_a_provider_that_is_deleted_ends_what_began_by_it(place: Place, admin: Rest) -> None:
    body = oidc(place.provider.issuer)
    made = (await admin.post("/auth/providers", body)).json()["data"]
    sub = new_person(place)
    async with Browser() as browser:
        await signed_in_by(place, browser, place.open, sub)
        async with session_of(place, browser) as (caller, _):
            await in_database(
                place,
                "UPDATE provider_grant SET provider_id = $1 WHERE subject = $2 RETURNING grant_id",
                made["id"],
                sub,
            )
            assert (await admin.client.delete(f"/auth/providers/{made['id']}")).status_code == 200
            assert (await caller.get("/auth/me")).status_code == 401
