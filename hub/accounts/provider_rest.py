"""Providers of sign-in, and the way there and back."""

import hashlib
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import JSONResponse, Response

from hub.accounts.device_flow import Refused
from hub.accounts.factor_rest import fields_of
from hub.accounts.provider_checks import ProviderChecks
from hub.accounts.provider_service import ProviderChange, ProviderService
from hub.accounts.provider_sign_in import OidcSignIn
from hub.accounts.provider_store import ProviderKind, ProviderRow, Purpose
from hub.accounts.providers import SECRET_OF, SignInFailed
from hub.accounts.rest import AccountEndpoints
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService
from hub.base.principal import Principal
from hub.web.envelope import NO_STORE, Answer
from hub.web.inputs import Body, Query, Text
from hub.web.route import Call
from hub.web.site import Site
from protocol.codec import rfc3339
from protocol.ids import DEFAULT_ORG, OrgIdField

Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Long = Annotated[str, Meta(min_length=1, max_length=1024)]


class ProvidersQuery(Query, frozen=True):
    org_id: OrgIdField = DEFAULT_ORG


class ProviderFields(Body, frozen=True, kw_only=True):
    """Of an `oidc`: `issuer` to `groupsClaim`; of an `ldap`: `url` to `groupFilter`."""

    issuer: Long | UnsetType = UNSET
    client_id: Text | UnsetType = UNSET
    client_secret: Secret | UnsetType = UNSET
    """Never answered."""
    scopes: list[Text] | UnsetType = UNSET
    email_domains: list[Text] | UnsetType = UNSET
    """Accounts are made only for verified addresses in these; none: for all."""
    groups_claim: Text | UnsetType = UNSET
    url: Long | UnsetType = UNSET
    start_tls: bool | UnsetType = UNSET
    ca_pem: Annotated[str, Meta(max_length=65_536)] | UnsetType | None = UNSET
    bind_dn: Long | UnsetType = UNSET
    bind_password: Secret | UnsetType = UNSET
    """Never answered."""
    base_dn: Long | UnsetType = UNSET
    user_filter: Long | UnsetType = UNSET
    """`{username}` stands for what was typed."""
    group_filter: Long | UnsetType | None = UNSET
    """`{dn}` stands for the person's entry."""
    create: bool | UnsetType = UNSET
    """Whether an account is made for whom it names for the first time."""
    session_hours: Annotated[int, Meta(ge=1, le=2160)] | UnsetType = UNSET
    """After which a session needs a new sign-in."""


class ProviderBody(ProviderFields, frozen=True):
    kind: ProviderKind
    name: Text
    installation: bool | None = None
    """For all organisations; None: when the caller administers the installation."""


class ProviderPatch(ProviderFields, frozen=True):
    name: Text | None = None


class ProviderItem(Struct, frozen=True, rename="camel"):
    id: str
    kind: Literal["password", "oidc", "ldap"]
    name: str
    start_url: str | None
    """Where a browser goes to sign in by it."""


class ProviderDetail(Struct, frozen=True, rename="camel", kw_only=True):
    """Without its secret."""

    id: str
    kind: ProviderKind
    name: str
    installation: bool
    settings: dict[str, Any]
    """As they are given."""
    has_secret: bool
    start_url: str | None
    created_at: str


class StartQuery(Query, frozen=True):
    return_to: Annotated[str, Meta(max_length=2048)] | None = None
    """A path of the hub's own."""
    org_id: OrgIdField | None = None
    link: bool = False
    """Add what the provider names to the account of who has signed in."""
    reauthenticate: bool = False
    """Show again who it is who has signed in."""


class CallbackQuery(Query, frozen=True):
    of_others = True
    state: Annotated[str, Meta(max_length=512)] = ""
    code: Annotated[str, Meta(max_length=8192)] | None = None
    iss: Annotated[str, Meta(max_length=1024)] | None = None
    error: Annotated[str, Meta(max_length=256)] | None = None


class LogoutForm(Struct, frozen=True):
    """OpenID Connect Back-Channel Logout 1.0, 2.5."""

    logout_token: str


PASSWORD: Final = ProviderItem("password", "password", "Password", None)
COOKIE: Final = "longline_oidc_"
SECONDS: Final = 600


class ProviderEndpoints:
    def __init__(
        self,
        providers: ProviderService,
        oidc: OidcSignIn,
        checks: ProviderChecks,
        accounts: AccountService,
        sessions: SessionService,
        signing_in: AccountEndpoints,
        site: Site,
    ) -> None:
        self._providers = providers
        self._oidc = oidc
        self._checks = checks
        self._accounts = accounts
        self._sessions = sessions
        self._signing_in = signing_in
        self._site = site

    # Providers

    async def list_providers(self, call: Call[ProvidersQuery, None]) -> list[ProviderItem]:
        shown = await self._providers.shown(call.query.org_id)
        items = [ProviderItem(row.provider_id, row.kind, row.name, url) for row, url in shown]
        return [PASSWORD, *items]

    async def create_provider(self, call: Call[None, ProviderBody]) -> Answer:
        body, by = call.body, call.principal
        wanted = by.instance_admin if body.installation is None else body.installation
        change = _change(body, body.kind, body.name)
        made = await self._providers.create(by, body.kind, change, installation=wanted)
        location = f"/api/v1/auth/providers/{made.provider_id}"
        return Answer(self._detail(made), status=201, location=location)

    async def get_provider(self, call: Call[None, None]) -> ProviderDetail:
        return self._detail(await self._providers.get(call.principal, call.path("id")))

    async def change_provider(self, call: Call[None, ProviderPatch]) -> ProviderDetail:
        kind = (await self._providers.get(call.principal, call.path("id"))).kind
        change = _change(call.body, kind, call.body.name)
        return self._detail(await self._providers.change(call.principal, call.path("id"), change))

    async def delete_provider(self, call: Call[None, None]) -> None:
        await self._providers.delete(call.principal, call.path("id"))

    def _detail(self, row: ProviderRow) -> ProviderDetail:
        return ProviderDetail(
            id=row.provider_id,
            kind=row.kind,
            name=row.name,
            installation=row.org is None,
            settings=row.settings,
            has_secret=row.secret is not None,
            start_url=self._providers.start_url(row),
            created_at=rfc3339(row.created_at),
        )

    # There and back

    async def start(self, call: Call[StartQuery, None]) -> Response:
        query = call.query
        purpose: Purpose = "sign_in"
        if query.link or query.reauthenticate:
            purpose = "link" if query.link else "reauthenticate"
        path = None if query.return_to is None else self._site.inside(query.return_to)
        sent = await self._oidc.start(
            call.path("id"),
            purpose=purpose,
            path=path,
            org=query.org_id,
            by=None if purpose == "sign_in" else await self._asker(call),
        )
        kept = self._cookie(call, sent.state, sent.secret, SECONDS)
        return _redirect(sent.page, kept)

    async def _asker(self, call: Call[StartQuery, None]) -> Principal | None:
        """Who has signed in: by a token, or as a browser by what it keeps."""
        who = call.principal
        scheme, _, token = (call.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            found = await self._accounts.user(token.strip())
            return msgspec.structs.replace(found, address=who.address, request_id=who.request_id)
        held = self._signing_in.held(call, call.query.org_id or DEFAULT_ORG)
        return await self._sessions.in_browser(held, who)

    async def callback(self, call: Call[CallbackQuery, None]) -> Response:
        query = call.query
        given = {"state": query.state, "code": query.code, "iss": query.iss, "error": query.error}
        params = {name: value for name, value in given.items() if value is not None}
        secret = call.request.cookies.get(_name(query.state), "")
        forgotten = self._cookie(call, query.state, "", 0)
        try:
            back = await self._oidc.finish(call.path("id"), params, secret, call.principal)
        except SignInFailed as failed:
            return _redirect("/login?" + urlencode({"error": failed.code}), forgotten)
        kept = [] if back.grant is None else [self._signing_in.kept(call, back.grant)]
        return _redirect(back.path, forgotten, *kept)

    def _cookie(self, call: Call[Any, Any], state: str, value: str, seconds: int) -> str:
        """By which a browser that comes back is known for the one that was sent: it goes along when
        the provider sends it here, so it is no `Strict` one."""
        kept = (
            f"{_name(state)}={value}; Max-Age={seconds}; "
            f"Path={self._site.prefix}/api/v1/auth/oidc; HttpOnly; SameSite=Lax"
        )
        return f"{kept}; Secure" if self._signing_in.by_tls(call) else kept

    async def logout(self, call: Call[None, None]) -> Response:
        try:
            token = (await fields_of(call)).get("logout_token", "")
            await self._checks.logout(call.path("id"), token)
        except (SignInFailed, Refused):
            return JSONResponse({"error": "invalid_request"}, status_code=400, headers=NO_STORE)
        return Response(status_code=200, headers=NO_STORE)


def _name(state: str) -> str:
    """Another one for each way there, so that two tabs can be under way."""
    return COOKIE + hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:16]


def _redirect(url: str, *cookies: str) -> Response:
    response = Response(
        status_code=302, headers={"Location": url, "Referrer-Policy": "no-referrer", **NO_STORE}
    )
    for each in cookies:
        response.headers.append("Set-Cookie", each)
    return response


_NO_FIELDS: Final = {"kind", "name", "installation"}


def _change(body: ProviderFields, kind: ProviderKind, name: str | None) -> ProviderChange:
    """With each field as it travels; the secret apart."""
    given: dict[str, Any] = msgspec.to_builtins(body)
    fields = {field: value for field, value in given.items() if field not in _NO_FIELDS}
    secret = fields.pop(SECRET_OF[kind], None)
    return ProviderChange(name, secret, fields)
