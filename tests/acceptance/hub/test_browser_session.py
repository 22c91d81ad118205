"""A browser's session: the refresh token in a cookie, the first password, preferences."""

import base64
import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from tests.acceptance.hub.clients import Rest, new_id
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import new_organisation
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_accounts import User, new_user

PREFIX = "longline_refresh_"


class Browser(User):
    """Keeps cookies, as httpx does; the cookie's own attributes are looked at in the answers."""

    async def sign_in(self, **headers: str) -> httpx.Response:
        body = {"username": self.username, "password": PASSWORD, "cookie": True}
        return self._signed(await self.client.post("/auth/login", json=body, headers=headers))

    async def renew(self, **headers: str) -> httpx.Response:
        """As the console does, with nothing in the body."""
        return self._signed(await self.client.post("/auth/refresh", headers=headers))

    def _signed(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            self.client.headers["Authorization"] = f"Bearer {answer.json()['data']['token']}"
        return answer


def cookie_of(browser: Browser, org: str = "default") -> str:
    """By the installation, which its tokens name, and the organisation."""
    claims = browser.client.headers["Authorization"].split(".")[1]
    issuer = json.loads(base64.urlsafe_b64decode(claims + "=="))["iss"]
    return PREFIX + hashlib.sha256(f"{issuer}:{org}".encode()).hexdigest()[:16]


@asynccontextmanager
async def new_browser(hub: HubProcess, rest: Rest) -> AsyncGenerator[Browser]:
    async with new_user(hub, rest) as user, Rest.open(hub.url) as fresh:
        browser = Browser(fresh.client)
        browser.username = user.username
        yield browser


async def test_a_cookie_holds_the_refresh_token_instead_of_the_body(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_browser(hub, rest) as browser:
        answer = await browser.sign_in()
        assert answer.json()["data"]["refreshToken"] is None
        ((name, kept),) = SimpleCookie(answer.headers["set-cookie"]).items()
        assert name == cookie_of(browser)
        assert kept.value
        assert (kept["path"], kept["samesite"]) == ("/api/v1/auth", "Strict")
        assert kept["httponly"]
        assert not kept["secure"]  # plain http, on this machine
        assert int(kept["max-age"]) == 14 * 86_400
        assert (await browser.data("/auth/me"))["username"] == browser.username


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_the_cookie_is_renewed_with_an_empty_body(
    hub: HubProcess, rest: Rest, body: bytes
) -> None:
    async with new_browser(hub, rest) as browser:
        await browser.sign_in()
        first = browser.client.cookies[cookie_of(browser)]
        answer = await browser.client.post("/auth/refresh", content=body)
        assert answer.status_code == 200
        assert answer.json()["data"]["refreshToken"] is None
        assert browser.client.cookies[cookie_of(browser)] != first


async def test_two_tabs_of_two_organisations_renew_each_its_own(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_organisation(hub, rest) as (org, there), new_browser(hub, rest) as browser:
        await browser.sign_in()
        made = await there.post("/invitations", {"role": "OPERATOR"})
        body = {"token": made.json()["data"]["token"], "cookie": True}
        joined = await browser.client.post("/invitations/accept", json=body)
        assert joined.status_code == 200, joined.text
        assert set(browser.client.cookies) == {cookie_of(browser), cookie_of(browser, org)}
        token = ""
        for place in ("default", org) * 2:
            answer = await browser.client.post("/auth/refresh", json={"orgId": place})
            assert answer.status_code == 200, answer.text
            token = answer.json()["data"]["token"]
            async with Rest.open(hub.url, token) as tab:
                assert (await tab.data("/auth/me"))["orgId"] == place
        async with Rest.open(hub.url, token) as tab:
            assert (await tab.post("/auth/logout")).status_code == 200
        refused = await browser.client.post("/auth/refresh", json={"orgId": org})
        assert refused.status_code == 401
        other = await browser.client.post("/auth/refresh", json={"orgId": "default"})
        assert other.status_code == 200, "the other tab goes on"


async def test_without_a_cookie_an_empty_refresh_is_401(hub: HubProcess) -> None:
    async with Rest.open(hub.url) as nobody:
        answer = await nobody.client.post("/auth/refresh")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_second_use_of_a_cookie_ends_the_session(hub: HubProcess, rest: Rest) -> None:
    async with new_browser(hub, rest) as browser, Rest.open(hub.url) as thief:
        await browser.sign_in()
        name = cookie_of(browser)
        copy = {"Cookie": f"{name}={browser.client.cookies[name]}"}
        assert (await browser.renew()).status_code == 200
        assert (await thief.client.post("/auth/refresh", headers=copy)).status_code == 401
        assert (await browser.get("/auth/me")).status_code == 401
        assert (await browser.renew()).status_code == 401


async def test_logout_deletes_the_cookie(hub: HubProcess, rest: Rest) -> None:
    async with new_browser(hub, rest) as browser:
        await browser.sign_in()
        answer = await browser.client.post("/auth/logout")
        assert answer.json() == {"success": True, "data": None}
        ((name, kept),) = SimpleCookie(answer.headers["set-cookie"]).items()
        assert name == cookie_of(browser)
        assert (kept.value, kept["max-age"], kept["path"]) == ("", "0", "/api/v1/auth")
        assert name not in browser.client.cookies
        assert (await browser.renew()).status_code == 401


async def test_who_takes_the_token_in_the_body_gets_no_cookie(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        for answer in (await user.log_in(), await user.refresh()):
            assert answer.json()["data"]["refreshToken"]
            assert "set-cookie" not in answer.headers
        assert (await user.log_in()).status_code == 200
        assert "set-cookie" not in (await user.post("/auth/logout")).headers


async def test_a_page_of_another_origin_may_not_use_the_cookie(hub: HubProcess, rest: Rest) -> None:
    async with new_browser(hub, rest) as browser:
        foreign = {"Origin": "https://evil.example"}
        refused = await browser.sign_in(**foreign)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await browser.sign_in(Origin=hub.url)).status_code == 200
        assert (await browser.renew(**foreign)).status_code == 403
        assert (await browser.renew(Origin="null")).status_code == 403
        assert (await browser.renew(Origin=hub.url)).status_code == 200  # not used up


async def test_behind_a_proxy_that_ends_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, trusted_proxies="127.0.0.1")
    hub.start()
    try:
        async with Rest.open(hub.url) as browser:
            answer = await browser.client.post(
                "/auth/login",
                json={
                    "username": "admin",
                    "password": hub.ready["adminPassword"],
                    "cookie": True,
                },
                headers={"X-Forwarded-Proto": "https"},
            )
        (kept,) = SimpleCookie(answer.headers["set-cookie"]).values()
        assert kept["secure"]
        assert answer.json()["data"]["user"]["initialPassword"]
    finally:
        assert hub.stop() == 0


# The first password


async def test_a_password_that_was_given_is_initial_until_it_is_changed(
    hub: HubProcess, rest: Rest
) -> None:
    body = {"username": new_id("user"), "password": PASSWORD, "role": "VIEWER"}
    made = (await rest.post("/users", {**body, "initialPassword": True})).json()["data"]
    assert made["initialPassword"]
    async with Rest.open(hub.url) as client:
        user = User(client.client)
        user.username = made["username"]
        assert (await user.log_in()).json()["data"]["user"]["initialPassword"]
        changed = await user.post("/auth/password", {"current": PASSWORD, "new": "n" * 12})
        assert changed.status_code == 200
        assert not (await user.log_in("n" * 12)).json()["data"]["user"]["initialPassword"]
        path = f"/users/{made['id']}"
        reset = {"password": PASSWORD, "initialPassword": True}
        answer = await rest.client.patch(path, json=reset)
        assert answer.json()["data"]["initialPassword"]
        answer = await rest.client.patch(path, json={"displayName": "Another"})
        assert answer.json()["data"]["initialPassword"]
        answer = await rest.client.patch(path, json={"password": PASSWORD})
        assert not answer.json()["data"]["initialPassword"]


# Preferences


async def test_preferences_are_an_object_that_is_replaced(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user, new_user(hub, rest) as other:
        path = "/auth/me/preferences"
        assert await user.data(path) == {}
        for wanted in ({"theme": "dark", "views": [{"name": "é", "q": None}]}, {"a": 1}, {}):
            answer = await user.client.put(path, json=wanted)
            assert answer.json() == {"success": True, "data": wanted}
            assert await user.data(path) == wanted
        await user.client.put(path, json={"mine": True})
        assert await other.data(path) == {}
        assert (await user.client.put(path, json=[1])).status_code == 400
        assert (await user.client.put(path, json={"a": "\0"})).status_code == 400
        assert (await user.client.put(path, json={"a": "x" * 65_527})).status_code == 200
        large = await user.client.put(path, json={"a": "x" * 65_530})
        assert (large.status_code, large.json()["code"]) == (413, "too_large")
