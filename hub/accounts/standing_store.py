"""Which versions of sessions and devices are good, as their rows say it."""

import sql
from hub.accounts.standing import Subject, VersionChange, VersionRange
from hub.base.database import Database
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("accounts")


class StandingStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def standing(self, subject: Subject) -> VersionRange | None:
        """The numbers of a session or device; None when there is none."""
        match subject.kind:
            case "session":
                user_id, _, session_id = subject.id.partition("/")
                row = await self.database.fetchrow(
                    _Q["session_standing"], subject.org, user_id, session_id
                )
            case "device":
                row = await self.database.fetchrow(_Q["device_standing"], subject.org, subject.id)
            case "user" | "signing_key" | "rights" | "certificate" | "webhook" | "alert_rule":
                raise AssertionError("only what tokens name has numbers")
        return None if row is None else VersionRange(row["lowest"], row["highest"])

    async def adopt_version(self, org: OrgId, device_id: DeviceId, version: int) -> bool:
        """A line goes on with a newer token, and the earlier ones end; False when it is not
        good."""
        return (
            await self.database.fetchval(_Q["adopt_version"], org, device_id, version) is not None
        )

    async def changes(self, horizon: str | None) -> tuple[str, float, list[VersionChange]]:
        """(next horizon, database time, changes since `horizon`)."""
        rows = await self.database.fetch(_Q["changes"], horizon)
        changes = [
            VersionChange(
                Subject(OrgId(row["org_id"]), row["kind"], row["subject"]),
                VersionRange(row["lowest"], row["highest"]),
            )
            for row in rows
            if row["subject"] is not None
        ]
        return rows[0]["horizon"], rows[0]["now"], changes
