"""What is decided when a provider signs somebody in."""

from itertools import islice
from typing import Any

import pytest

from hub.accounts.providers import (
    LdapSettings,
    OidcSettings,
    ProviderAway,
    SignInFailed,
    check_claims,
    check_response,
    ended_by,
    groups_of,
    may_be_made,
    metadata_of,
    names_of,
    return_to,
    settings_from,
    settings_of,
    shown_name_of,
    subject_of,
    suffixed,
)
from hub.base.destinations import Destinations
from hub.base.errors import Invalid

ALLOWED = Destinations()
ISSUER = "https://login.example.org/realms/plant"
OIDC: dict[str, Any] = {"issuer": ISSUER, "clientId": "longline"}
LDAP: dict[str, Any] = {
    "url": "ldaps://ldap.example.org", "bindDn": "cn=hub", "baseDn": "dc=example,dc=org",
}  # fmt: skip


def field_of(kind: str, fields: dict[str, Any]) -> str:
    with pytest.raises(Invalid) as refused:
        settings_of(kind, fields, ALLOWED)
    return refused.value.errors[0].field


def test_what_nobody_says_has_the_defaults_of_the_kind() -> None:
    found = settings_of("oidc", OIDC, ALLOWED)
    assert isinstance(found, OidcSettings)
    assert (found.create, found.session_hours, found.groups_claim) == (False, 12, "groups")
    assert settings_from(OIDC, OidcSettings) == found
    there = settings_of("ldap", LDAP, ALLOWED)
    assert isinstance(there, LdapSettings)
    assert there.user_filter == "(uid={username})"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"issuer": "http://login.example.org"}, "issuer"),
        ({"issuer": f"{ISSUER}?a=1"}, "issuer"),
        ({"scopes": ["email"]}, "scopes"),
        ({"sessionHours": 0}, "sessionHours"),
        ({"url": "ldaps://a"}, "url"),
        ({"emailDomains": [""]}, "emailDomains[0]"),
    ],
)
def test_a_provider_of_openid_connect_is_refused_by_field(
    changed: dict[str, Any], field: str
) -> None:
    assert field_of("oidc", {**OIDC, **changed}) == field
    assert field_of("oidc", {"issuer": ISSUER}) == "clientId"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": "ldap://ldap.example.org"}, "url"),
        ({"url": "https://ldap.example.org"}, "url"),
        ({"url": "ldap://10.0.0.1", "startTls": True}, "url"),
        ({"userFilter": "(uid=anna)"}, "userFilter"),
        ({"groupFilter": "(member=anna)"}, "groupFilter"),
    ],
)
def test_a_directory_is_refused_by_field(changed: dict[str, Any], field: str) -> None:
    assert field_of("ldap", {**LDAP, **changed}) == field


def test_a_directory_may_begin_in_clear_and_go_on_by_tls() -> None:
    fields = {**LDAP, "url": "ldap://ldap.example.org", "startTls": True}
    assert settings_of("ldap", {**fields, "groupFilter": "(member={dn})"}, ALLOWED)
    clear = Destinations(["ldap.example.org"])
    with pytest.raises(Invalid, match="startTls"):
        settings_of("ldap", {**fields, "startTls": False}, clear)


def test_a_browser_goes_on_to_a_path_of_ours() -> None:
    assert return_to(None) == "/"
    assert return_to("/devices?x=1#a") == "/devices?x=1#a"
    for path in ("", "x", "//a", "/\\a", "/a\n", "/" + "x" * 2048, "/ä", "https://a"):
        with pytest.raises(Invalid):
            return_to(path)


METADATA: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://login.example.org/auth",
    "token_endpoint": "https://login.example.org/token",
    "jwks_uri": "https://login.example.org/jwks",
    "more": 1,
}


def test_a_configuration_is_its_issuers() -> None:
    assert metadata_of(METADATA, ISSUER, ALLOWED).userinfo_endpoint is None
    for changed in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "https://10.0.0.1/token"},
        {"userinfo_endpoint": "http://login.example.org/me"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ):
        with pytest.raises(ProviderAway):
            metadata_of({**METADATA, **changed}, ISSUER, ALLOWED)


def code_of(params: dict[str, str], **metadata: Any) -> str:
    try:
        return check_response(params, metadata_of({**METADATA, **metadata}, ISSUER, ALLOWED))
    except SignInFailed as failed:
        return failed.code


def test_an_answer_is_the_providers_that_was_asked() -> None:
    says = {"authorization_response_iss_parameter_supported": True}
    assert code_of({"code": "c"}) == "c"
    assert code_of({"code": "c", "iss": ISSUER}, **says) == "c"
    assert code_of({"code": "c"}, **says) == "bad_answer"
    assert code_of({"code": "c", "iss": "https://evil.example"}) == "bad_answer"
    assert code_of({"error": "access_denied"}) == "bad_answer"
    assert code_of({"error": "server_error"}) == "provider_unavailable"
    assert code_of({}) == "bad_answer"


def is_good(asked: float | None = None, **claims: Any) -> bool:
    said = {"aud": "longline", "nonce": "n", "iat": 1000, **claims}
    try:
        check_claims(said, client="longline", nonce="n", asked=asked)
    except SignInFailed as failed:
        return failed.code != "bad_answer"
    return True


def test_an_identity_token_is_for_us_and_of_this_sign_in() -> None:
    assert is_good()
    assert is_good(aud=["longline"], azp="longline")
    assert is_good(azp="longline")
    assert not is_good(aud=["longline", "other"])
    assert not is_good(azp="other")
    assert not is_good(nonce="another")
    assert not is_good(nonce=None)
    check_claims({"aud": "longline", "iat": 1}, client="longline", nonce=None)


def test_a_sign_in_is_anew_by_the_clock_of_the_provider() -> None:
    assert is_good(30.0, auth_time=975)
    assert not is_good(30.0, auth_time=900)
    assert not is_good(30.0)
    assert not is_good(30.0, auth_time="now")


def test_somebody_is_named() -> None:
    assert subject_of({"sub": "a"}) == "a"
    for claims in ({}, {"sub": ""}, {"sub": 7}, {"sub": "a\0"}, {"sub": "a" * 257}):
        with pytest.raises(SignInFailed):
            subject_of(claims)


def test_groups_are_texts_and_a_thousand_of_them() -> None:
    assert groups_of({}, "groups") == ()
    assert groups_of({"groups": "one"}, "groups") == ("one",)
    mixed = ["a", "a", 7, None, "", "b\0", "c" * 257, "b"]
    assert groups_of({"roles": mixed}, "roles") == ("a", "b")
    assert len(groups_of({"groups": [str(n) for n in range(2000)]}, "groups")) == 1000
    assert groups_of({"groups": {"a": 1}}, "groups") == ()


def test_accounts_are_made_where_the_settings_say() -> None:
    def may(settings: dict[str, Any], **claims: Any) -> bool:
        return may_be_made(settings_from({**OIDC, **settings}, OidcSettings), claims)

    some = {"create": True, "emailDomains": ["@Example.org"]}
    assert not may({}, email="a@example.org", email_verified=True)
    assert may({"create": True})
    assert may(some, email="a@EXAMPLE.ORG", email_verified=True)
    assert not may(some, email="a@example.org", email_verified="true")
    assert not may(some, email="a@example.org")
    assert not may(some, email="a@sub.example.org", email_verified=True)
    assert not may(some, email_verified=True)


def test_an_account_is_called_as_the_provider_calls_the_person() -> None:
    said = {"preferred_username": "anna", "email": "anna.b@example.org", "name": "Anna B"}
    assert list(names_of(said)) == ["anna", "anna.b", "Anna B"]
    assert list(names_of({"email": 7, "name": ""})) == []
    assert shown_name_of(said, "x") == "Anna B"
    assert shown_name_of({"name": " "}, "x") == "x"
    assert shown_name_of({"name": "a\u202eb"}, "x") == "x"
    assert list(islice(suffixed("anna"), 3)) == ["anna", "anna-2", "anna-3"]
    assert len(list(islice(suffixed("a" * 128), 2))[1]) == 128
    assert len(list(suffixed("a"))) == 999


def test_a_logout_token_says_what_it_is_and_whom_it_ends() -> None:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert ended_by({"events": events, "sub": "a"}) == ("a", None)
    assert ended_by({"events": events, "sid": "s", "sub": 7}) == (None, "s")
    others: list[dict[str, Any]] = [
        {"sub": "a"},
        {"events": {}, "sub": "a"},
        {"events": events, "sub": "a", "nonce": "n"},
        {"events": events},
        {"events": events, "sid": 7},
    ]
    for claims in others:
        with pytest.raises(SignInFailed):
            ended_by(claims)
