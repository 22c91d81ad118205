"""Signing in and out: what begins, renews, lists and ends sessions, and the public signing keys."""

from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import JSONResponse, Response

from hub.accounts.cookies import FORMER_NAME, cookie, name_of, no_cookie
from hub.accounts.directory_sign_in import DirectorySignIn
from hub.accounts.issuing import SignIn
from hub.accounts.service import AccountService
from hub.accounts.session_store import SessionRow
from hub.accounts.sessions import SessionService
from hub.accounts.signing_in import SignInService
from hub.accounts.users_rest import User, user_of
from hub.base.errors import Forbidden, NotFound
from hub.base.paging import Items
from hub.rights.access import may_everywhere
from hub.web.envelope import Answer
from hub.web.inputs import Body, Query
from hub.web.route import Call
from hub.web.site import Site, foreign_page
from protocol.codec import rfc3339
from protocol.ids import DEFAULT_ORG, OrgId, OrgIdField


class LoginBody(Body, frozen=True):
    username: Annotated[str, Meta(max_length=128)]
    password: Annotated[str, Meta(max_length=1024)]
    cookie: bool = False
    """Keep the refresh token in a cookie instead of answering it."""
    org_id: OrgIdField | None = None
    """None: where the account signed in last."""
    provider: Annotated[str, Meta(max_length=128)] | None = None
    """The directory whose password it is; None: the hub's own."""


class RefreshBody(Body, frozen=True):
    refresh_token: Annotated[str, Meta(max_length=256)] | None = None
    """None: the one in the cookie."""
    org_id: OrgIdField = DEFAULT_ORG
    """Whose cookie it is: a browser has one for each organisation."""


class SessionQuery(Query, frozen=True):
    user_id: Annotated[str, Meta(max_length=128)] | None = None
    """Of this user: for administrators. None: one's own."""


class SwitchBody(Body, frozen=True):
    org_id: OrgIdField
    cookie: bool = False
    """Keep the refresh token in a cookie instead of answering it."""


class Login(Struct, frozen=True, rename="camel", kw_only=True):
    token: str
    expires_at: str
    refresh_token: str | None
    """None: in the cookie."""
    org_id: str
    user: User


class Ticket(Struct, frozen=True, rename="camel"):
    ticket: str
    expires_at: str


class Session(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    user_id: str
    created_at: str
    used_at: str
    """When it was last renewed."""
    expires_at: str
    """Unless it is renewed."""
    ends_at: str
    """However often it is renewed."""
    address: str | None
    """From where it began."""
    current: bool
    """Whether it is the one that asks."""


class AccountEndpoints:
    def __init__(
        self,
        accounts: AccountService,
        signing_in: SignInService,
        sessions: SessionService,
        site: Site,
        *,
        refresh_seconds: int,
    ) -> None:
        self._accounts = accounts
        self._signing_in = signing_in
        self._sessions = sessions
        self._refresh_seconds = refresh_seconds
        self._site = site
        self._directories: DirectorySignIn | None = None

    def sign_in_by(self, directories: DirectorySignIn) -> None:
        """Have passwords of directories shown to them."""
        self._directories = directories

    async def login(self, call: Call[None, LoginBody]) -> Answer:
        if call.body.cookie:
            self.check_page(call)
        if call.body.provider is not None and self._directories is not None:
            grant = await self._directories.login(
                call.body.provider,
                call.body.username,
                call.body.password,
                call.principal,
                org=call.body.org_id,
                by_cookie=call.body.cookie,
            )
            return self.signed_in(call, grant, by_cookie=call.body.cookie)
        grant = await self._signing_in.login(
            call.body.username,
            call.body.password,
            address=call.principal.address or "unknown",
            request_id=call.principal.request_id,
            org=call.body.org_id,
            by_cookie=call.body.cookie,
        )
        return self.signed_in(call, grant, by_cookie=call.body.cookie)

    async def switch(self, call: Call[None, SwitchBody]) -> Answer:
        if call.body.cookie:
            self.check_page(call)
        grant = await self._signing_in.switch(
            call.principal, call.body.org_id, by_cookie=call.body.cookie
        )
        return self.signed_in(call, grant, by_cookie=call.body.cookie)

    async def refresh(self, call: Call[None, RefreshBody]) -> Answer:
        token = call.body.refresh_token
        by_cookie = token is None
        if token is None:
            self.check_page(call)
            token = self.held(call, call.body.org_id)
        return self.signed_in(call, await self._sessions.renew(token), by_cookie=by_cookie)

    def held(self, call: Call[Any, Any], org: OrgId) -> str:
        """What a browser keeps for an organisation; empty for nothing."""
        cookies = call.request.cookies
        return cookies.get(self._cookie(org)) or cookies.get(FORMER_NAME, "")

    def _cookie(self, org: OrgId) -> str:
        return name_of(self._accounts.tokens.issuer, org)

    async def logout(self, call: Call[None, None]) -> Answer:
        await self._sessions.logout(call.principal)
        name = self._cookie(call.principal.org)
        forgotten = no_cookie(name, secure=self.by_tls(call), prefix=self._site.prefix)
        return Answer(None, cookie=forgotten if name in call.request.cookies else None)

    def signed_in(self, call: Call[None, Any], grant: SignIn, *, by_cookie: bool) -> Answer:
        """How a sign-in is answered, whatever showed who it is."""
        if not by_cookie:
            return Answer(_login(grant, refresh_token=grant.refresh_token))
        return Answer(_login(grant, refresh_token=None), cookie=self.kept(call, grant))

    def kept(self, call: Call[Any, Any], grant: SignIn) -> str:
        """What a browser keeps of a session, as `Set-Cookie` says it."""
        return cookie(
            self._cookie(grant.user.org),
            grant.refresh_token,
            seconds=self._refresh_seconds,
            secure=self.by_tls(call),
            prefix=self._site.prefix,
        )

    async def ws_ticket(self, call: Call[None, None]) -> Ticket:
        return Ticket(*await self._sessions.ticket(call.principal))

    async def sessions(self, call: Call[SessionQuery, None]) -> Items[Session]:
        by = call.principal
        wanted = call.query.user_id or by.subject
        if not (wanted == by.subject or may_everywhere(by, "sessions:list")):
            raise NotFound("no such user")
        rows = await self._sessions.sessions(by.org, wanted)
        return Items([_session(row, by.session_id) for row in rows])

    async def end_session(self, call: Call[None, None]) -> None:
        await self._sessions.end(call.principal, call.path("id"))

    def check_page(self, call: Call[None, Any]) -> None:
        """Raises `Forbidden` for a page of another site, which must not use the cookie."""
        origin, host = call.header("origin"), call.header("host") or ""
        if not self._site.owns(origin, host):
            raise Forbidden(foreign_page(origin, host))

    def by_tls(self, call: Call[Any, Any]) -> bool:
        """Also when a proxy in front ended it."""
        host = call.header("host") or ""
        return call.request.url.scheme == "https" or self._site.is_secure(host)

    async def jwks(self, call: Call[None, None]) -> Response:
        content: dict[str, Any] = self._accounts.tokens.jwks()
        return JSONResponse(content, headers={"Cache-Control": "public, max-age=300"})


def _login(grant: SignIn, *, refresh_token: str | None) -> Login:
    return Login(
        token=grant.token,
        expires_at=grant.expires_at,
        refresh_token=refresh_token,
        org_id=grant.user.org,
        user=user_of(grant.user),
    )


def _session(row: SessionRow, current: str | None) -> Session:
    return Session(
        id=row.session_id,
        user_id=row.user_id,
        created_at=rfc3339(row.created_at),
        used_at=rfc3339(row.used_at),
        expires_at=rfc3339(min(row.expires_at, row.ends_at)),
        ends_at=rfc3339(row.ends_at),
        address=row.address,
        current=row.session_id == current,
    )
