"""What decides when somebody signs in by a provider: its settings, what it says, where to go on.
Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from hub.base.destinations import Destinations
from hub.base.errors import invalid

MOST_GROUPS: Final = 1000
MOST_PROVIDERS: Final = 20
"""Of an organisation, and of the installation."""
_LONGEST_GROUP: Final = 256

Short = Annotated[str, Meta(min_length=1, max_length=256)]
Url = Annotated[str, Meta(min_length=1, max_length=1024)]
SessionHours = Annotated[int, Meta(ge=1, le=2160)]

S = TypeVar("S", bound=Struct)

FailureCode = Literal["provider_unavailable", "no_account", "bad_answer", "state_expired"]


class SignInFailed(Exception):
    """What a browser is told at `/login?error=`; `reason` is for the audit, without secrets."""

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code: FailureCode = code
        self.reason = reason


class ProviderAway(Exception):
    """It does not answer, or not as its kind answers; the message has no secrets."""


class OidcSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    issuer: Url
    client_id: Short
    scopes: Annotated[tuple[Short, ...], Meta(max_length=32)] = ("openid", "profile", "email")
    create: bool = False
    """Whether an account is made for whom it names for the first time."""
    email_domains: Annotated[tuple[Short, ...], Meta(max_length=64)] = ()
    """Only for addresses in these, which the provider has verified; none: for all."""
    groups_claim: Short = "groups"
    session_hours: SessionHours = 12


class LdapSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    url: Url
    start_tls: bool = False
    ca_pem: Annotated[str, Meta(max_length=65_536)] | None = None
    """Certificates to trust in place of the system's."""
    bind_dn: Annotated[str, Meta(max_length=1024)]
    base_dn: Annotated[str, Meta(max_length=1024)]
    user_filter: Annotated[str, Meta(max_length=1024)] = "(uid={username})"
    """`{username}` stands for what was typed."""
    group_filter: Annotated[str, Meta(max_length=1024)] | None = None
    """`{dn}` stands for the person's entry; None: no groups are asked for."""
    create: bool = True
    session_hours: SessionHours = 12


ProviderSettings = OidcSettings | LdapSettings
_KINDS: Final[dict[str, type[OidcSettings] | type[LdapSettings]]] = {
    "oidc": OidcSettings,
    "ldap": LdapSettings,
}
SECRET_OF: Final = {"oidc": "clientSecret", "ldap": "bindPassword"}
PLACE_OF: Final = {"oidc": "issuer", "ldap": "url"}
"""Where the secret goes to."""


def settings_of(kind: str, fields: Mapping[str, Any], allowed: Destinations) -> ProviderSettings:
    """Checked, from what somebody gave. Raises `Invalid`, naming the field."""
    try:
        found = msgspec.convert(dict(fields), _KINDS[kind])
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        named = re.search(r"field `(\w+)`", message)
        raise invalid(path.rstrip("`") or (named[1] if named else "body"), message) from None
    problem = _problem_of(found, allowed)
    if problem is not None:
        raise invalid(*problem)
    return found


def settings_from(fields: Mapping[str, Any], kind: type[S]) -> S:
    """As they were stored."""
    return msgspec.convert(dict(fields), kind)


def _problem_of(found: ProviderSettings, allowed: Destinations) -> tuple[str, str] | None:
    if isinstance(found, OidcSettings):
        wrong = allowed.problem_of(found.issuer)
        if wrong is None and urlsplit(found.issuer).query:
            wrong = "must have no query"
        if wrong is None and "openid" not in found.scopes:
            return "scopes", "must hold openid"
        return None if wrong is None else ("issuer", wrong)
    wrong = allowed.problem_of(found.url, ("ldaps", "ldap"), starts_tls=found.start_tls)
    if wrong is not None:
        return "url", wrong
    if not (found.start_tls or found.url.startswith("ldaps:")):
        return "url", "must begin with ldaps, or startTls must be true"
    if "{username}" not in found.user_filter:
        return "userFilter", "must hold {username}"
    if found.group_filter is not None and "{dn}" not in found.group_filter:
        return "groupFilter", "must hold {dn}"
    return None


def return_to(path: str | None) -> str:
    """Where a browser goes on: a path of ours. Raises `Invalid` for anything else."""
    if path is None:
        return "/"
    plain = path.startswith("/") and not path.startswith("//") and len(path) <= 2048
    if not plain or "\\" in path or not path.isprintable() or not path.isascii():
        raise invalid("returnTo", "must be a path of this hub, such as /devices")
    return path


# What a provider says


class Metadata(Struct, frozen=True, kw_only=True):
    """Of OpenID Connect Discovery 1.0, 3, what is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


def metadata_of(found: object, issuer: str, allowed: Destinations) -> Metadata:
    """Raises `ProviderAway` for a document that is another issuer's, or names places where the hub
    does not go."""
    try:
        metadata = msgspec.convert(found, Metadata)
    except msgspec.ValidationError as error:
        raise ProviderAway(f"its configuration does not fit: {error}") from None
    if metadata.issuer != issuer:
        raise ProviderAway("its configuration names another issuer")
    for url in (metadata.token_endpoint, metadata.jwks_uri, metadata.userinfo_endpoint):
        if url is not None and allowed.problem_of(url) is not None:
            raise ProviderAway("its configuration names an address that is not allowed")
    if urlsplit(metadata.authorization_endpoint).scheme not in ("https", "http"):
        raise ProviderAway("its configuration names no page to sign in at")
    return metadata


def check_response(params: Mapping[str, str], metadata: Metadata) -> str:
    """The code of an authorization response. Raises `SignInFailed`."""
    issuer = params.get("iss")
    expected = metadata.authorization_response_iss_parameter_supported
    if (issuer is not None or expected) and issuer != metadata.issuer:
        raise SignInFailed("bad_answer", "the answer is of another issuer")
    if "error" in params:
        away = params["error"] in ("temporarily_unavailable", "server_error")
        code = "provider_unavailable" if away else "bad_answer"
        raise SignInFailed(code, f"the provider says {params['error'][:64]}")
    if not params.get("code"):
        raise SignInFailed("bad_answer", "there is no code in the answer")
    return params["code"]


LEEWAY_SECONDS: Final = 60.0


def check_claims(
    claims: Mapping[str, Any], *, client: str, nonce: str | None, asked: float | None = None
) -> None:
    """Of an identity token whose signature, issuer, audience and times are good. `asked`: so many
    seconds ago the person was sent to sign in anew. Raises `SignInFailed`.

    `auth_time` is compared with `iat`, which the same clock says, never with ours.
    """
    audience = claims.get("aud")
    party = claims.get("azp")
    several = not isinstance(audience, str)
    if (several and party is None) or party not in (None, client):
        raise SignInFailed("bad_answer", "the identity token is for another client")
    if nonce is not None and claims.get("nonce") != nonce:
        raise SignInFailed("bad_answer", "the identity token is of another sign-in")
    if asked is None:
        return
    at, issued = claims.get("auth_time"), claims["iat"]
    if not isinstance(at, int | float) or issued - at > asked + _ROUNDING:
        raise SignInFailed("bad_answer", "the person did not sign in anew")


_ROUNDING: Final = 5.0


def subject_of(claims: Mapping[str, Any]) -> str:
    """Raises `SignInFailed`."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 256 or "\0" in subject:
        raise SignInFailed("bad_answer", "the identity token names nobody")
    return subject


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The groups of a claim, at most a thousand: the others do not count."""
    found = claims.get(name)
    several = _listed([found] if isinstance(found, str) else found)
    groups = dict.fromkeys(each for each in several if isinstance(each, str) and _is_group(each))
    return tuple(groups)[:MOST_GROUPS]


def _listed(found: object) -> list[Any]:
    return msgspec.convert(found, list[Any]) if isinstance(found, list) else []


def _is_group(each: str) -> bool:
    return 0 < len(each) <= _LONGEST_GROUP and "\0" not in each


def may_be_made(settings: OidcSettings, claims: Mapping[str, Any]) -> bool:
    """Whether an account is made for whom a provider names for the first time."""
    if not settings.create or not settings.email_domains:
        return settings.create
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return False
    domain = email.rpartition("@")[2].lower()
    return domain in {each.lower().lstrip("@") for each in settings.email_domains}


def names_of(claims: Mapping[str, Any]) -> Iterator[str]:
    """What a new account may be called, the best first."""
    for name in ("preferred_username", "email", "name"):
        value = claims.get(name)
        if isinstance(value, str) and value:
            yield value.partition("@")[0] if name == "email" else value


def shown_name_of(claims: Mapping[str, Any], username: str) -> str:
    name = claims.get("name")
    return name[:256] if isinstance(name, str) and name.strip() and name.isprintable() else username


def suffixed(name: str) -> Iterator[str]:
    """A name, and those to try when it is taken."""
    yield name
    for number in range(2, 1000):
        tail = f"-{number}"
        yield name[: 128 - len(tail)] + tail


_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


def ended_by(claims: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(subject, session of the provider's) of a logout token (OpenID Connect Back-Channel Logout
    1.0, 2.6). Raises `SignInFailed`."""
    events: Any = claims.get("events")
    if not isinstance(events, dict) or _LOGOUT_EVENT not in events or "nonce" in claims:
        raise SignInFailed("bad_answer", "this is no logout token")
    subject, sid = claims.get("sub"), claims.get("sid")
    subject = subject if isinstance(subject, str) else None
    sid = sid if isinstance(sid, str) else None
    if subject is None and sid is None:
        raise SignInFailed("bad_answer", "the logout token names nobody")
    return subject, sid
