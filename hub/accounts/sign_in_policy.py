"""What somebody who signs in is asked for by the organisation, and how that is answered."""

from hub.accounts.installation_store import InstallationStore
from hub.accounts.passkey_store import PasskeyStore
from hub.accounts.provider_store import Statement
from hub.accounts.second_factor import SecondFactors
from hub.accounts.store import UserRow
from hub.base.database import Connection
from hub.base.errors import HubError, SecondFactorMissing, UseProvider
from hub.base.principal import Lacks
from hub.rights.asked import Shown, asked_of, lacks


class SignInPolicy:
    def __init__(
        self, installation: InstallationStore, passkeys: PasskeyStore, factors: SecondFactors
    ) -> None:
        self._installation = installation
        self._passkeys = passkeys
        self._factors = factors

    async def lacking(
        self, connection: Connection, user: UserRow, shown: Shown, *, by_provider: bool
    ) -> Lacks | None:
        asked = asked_of(await self._installation.settings(connection, user.org))
        return lacks(asked, user.role, shown, by_provider=by_provider)

    async def owed(
        self,
        connection: Connection,
        user: UserRow,
        *,
        by_cookie: bool,
        shown: Shown = "one_factor",
        by_provider: bool = False,
        said: Statement | None = None,
        switches: bool = False,
    ) -> HubError | None:
        """What somebody is answered who has shown so much: None when that is enough, or when
        nothing of what is asked has been added to the account. Who switches from a session shows a
        code only where the organisation asks for it."""
        missing = await self.lacking(connection, user, shown, by_provider=by_provider)
        if missing == "provider":
            return refusal_of(missing)
        has_passkey = await self._passkeys.count(connection, user.user_id) > 0
        by_code = user.has_code and (missing == "second_factor" or not switches)
        if not (by_code or (missing is not None and has_passkey)):
            return None
        methods = [name for name, there in (("code", by_code), ("passkey", has_passkey)) if there]
        return await self._factors.challenge(
            connection, user.org, user.user_id, by_cookie=by_cookie, said=said, methods=methods
        )


def refusal_of(missing: Lacks) -> HubError:
    """What a session is answered that lacks it."""
    match missing:
        case "provider":
            return UseProvider("this organisation asks for a sign-in by its provider")
        case "second_factor":
            return SecondFactorMissing(
                "this organisation asks administrators for a second factor: add an authenticator "
                "program or a passkey to your account, or show it again",
                members={"methods": ["code", "passkey"]},
            )
        case "passkey":
            return SecondFactorMissing(
                "this organisation asks administrators for a passkey: add one to your account, or "
                "show it again",
                members={"methods": ["passkey"]},
            )
