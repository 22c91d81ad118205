"""The rows of campaigns and of their targets."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

import sql
from hub.base.database import Connection, Database, Row
from hub.base.job_store import add_jobs
from hub.base.principal import Principal
from hub.campaigns.application_seen import AssignedRow, application_seen
from hub.campaigns.journey import (
    DELETED,
    DISABLED,
    QUARANTINED,
    SELF_UPDATING,
    UNSUPPORTED,
    CampaignTarget,
    Phase,
    Seen,
    Status,
)
from hub.campaigns.penalty import RELEASE_FAULTS, SPREAD, Failure, Penalty, penalties
from hub.campaigns.records import (
    JOB,
    Campaign,
    Enlisted,
    Kind,
    Load,
    Name,
    NewCampaign,
    Participation,
    RollOut,
    Target,
    Terms,
)
from hub.campaigns.waves import CampaignStatus, Move, TargetCounts
from protocol.commands import AGENT_TYPE, spec_of
from protocol.ids import DeviceId, OrgId
from protocol.lifecycle import State
from protocol.replies import ErrorObject

_Q = sql.queries("campaigns")

EVERY_WAVE: Final = 2**31 - 1
PINNED: Final = "its own revision"


Owner = tuple[str, str, str | None, str]
"""Kind, user, key and name."""


class Driven(Struct, frozen=True):
    """A campaign, locked for whoever drives it, and the database's time."""

    campaign: Campaign
    now: datetime


class TargetChange(Struct, frozen=True):
    """A step of a target: written only if it is still as it was seen."""

    before: CampaignTarget
    after: CampaignTarget


class CampaignStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # What callers want

    async def lock_new(self, connection: Connection, org: OrgId) -> int:
        """Nobody else begins one before this transaction ends; how many there are."""
        await connection.execute(_Q["lock_new"], org)
        return int(await connection.fetchval(_Q["open"], org))

    async def busy(
        self, connection: Connection, name: Name, software: str, device_ids: Sequence[DeviceId]
    ) -> set[DeviceId]:
        """Those of these that another campaign still brings software of this type."""
        rows = await connection.fetch(_Q["busy"], *name, software, list(device_ids))
        return {row["device_id"] for row in rows}

    async def add(
        self, connection: Connection, name: Name, new: NewCampaign, *, by: Principal
    ) -> None:
        """Without its devices."""
        await connection.execute(
            _Q["add"],
            *name,
            new.kind,
            new.subject,
            new.name,
            msgspec.to_builtins(new.command),
            msgspec.to_builtins(new.terms),
            None if new.target is None else msgspec.to_builtins(new.target),
            by.actor,
            *owner_of(by),
            new.terms.start_at is not None,
        )
        await add_jobs(connection, JOB, name[0], [name[1]])

    async def enlist(
        self, connection: Connection, name: Name, devices: Sequence[Enlisted], *, zoned: bool
    ) -> None:
        """`zoned`: their time zones count."""
        await connection.execute(
            _Q["add_devices"],
            *name,
            [each.device_id for each in devices],
            [each.wave for each in devices],
            [each.error for each in devices],
            zoned,
        )

    async def get(self, connection: Connection, name: Name) -> Campaign | None:
        return await self._one(connection, await connection.fetchrow(_Q["get"], *name))

    async def lock(self, connection: Connection, name: Name) -> Campaign | None:
        return await self._one(connection, await connection.fetchrow(_Q["lock"], *name))

    async def list(
        self,
        org: OrgId,
        *,
        kind: Kind | None,
        subject: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
        ended_since: datetime | None = None,
    ) -> "list[Campaign]":
        """None of `kind` and `subject`: any."""
        async with self.database.tenant(org).transaction() as connection:
            rows = await connection.fetch(
                _Q["list"], org, *(before or (None, None)), limit, ended_since, kind, subject
            )
            counts = await self._counts(connection, org, [row["campaign_id"] for row in rows])
        return [_campaign(row, counts) for row in rows]

    async def devices(
        self, name: Name, statuses: Sequence[Status] | None, *, behind: int | None, limit: int
    ) -> "list[CampaignTarget]":
        """Of these statuses; None: of all."""
        tenant = self.database.tenant(name[0])
        wanted = None if statuses is None else list(statuses)
        return [
            _target(row) for row in await tenant.fetch(_Q["devices"], *name, behind, limit, wanted)
        ]

    async def of_device(
        self,
        org: OrgId,
        device_id: DeviceId,
        *,
        limit: int,
        ended_since: datetime | None = None,
    ) -> "list[Participation]":
        rows = await self.database.tenant(org).fetch(
            _Q["of_device"], org, device_id, limit, ended_since
        )
        return [
            Participation(
                campaign_id=row["campaign_id"],
                status=CampaignStatus(row["campaign_status"]),
                wave=row["campaign_wave"],
                wanted=row["wanted"],
                created_at=row["campaign_created_at"],
                target=_target(row),
            )
            for row in rows
        ]

    async def is_under_way(self, connection: Connection, org: OrgId, subject: str) -> bool:
        return bool(await connection.fetchval(_Q["unfinished_of"], org, subject))

    async def forget(self, days: int) -> None:
        await self.database.execute(_Q["forget"], days)

    # Driving

    async def lock_driven(self, connection: Connection, name: Name) -> Driven | None:
        """None when nothing is left to drive."""
        row = await connection.fetchrow(_Q["lock_driven"], *name)
        campaign = await self._one(connection, row)
        return None if row is None or campaign is None else Driven(campaign, row["now"])

    async def under_way(
        self, connection: Connection, campaign: Campaign
    ) -> "list[tuple[CampaignTarget, Seen]]":
        name = campaign.org, campaign.campaign_id
        rows = await connection.fetch(_Q["under_way"], *name, _application(campaign))
        return _seen(rows, campaign)

    async def candidates(
        self,
        connection: Connection,
        campaign: Campaign,
        *,
        wave: int,
        limit: int,
        zones: Sequence[str],
    ) -> "list[tuple[CampaignTarget, Seen]]":
        name = campaign.org, campaign.campaign_id
        rows = await connection.fetch(
            _Q["candidates"], *name, wave, limit, _application(campaign), list(zones)
        )
        return _seen(rows, campaign)

    async def started_lately(self, connection: Connection, name: Name) -> int:
        return int(await connection.fetchval(_Q["started_lately"], *name))

    async def write(
        self, connection: Connection, name: Name, changes: Sequence[TargetChange]
    ) -> "list[CampaignTarget]":
        """The targets that were as they had been seen, as they are now."""
        if not changes:
            return []
        columns = [list(column) for column in zip(*map(_change_row, changes), strict=True)]
        rows = await connection.fetch(_Q["write_devices"], *name, *columns)
        written = {row["position"] for row in rows}
        return [change.after for change in changes if change.after.position in written]

    async def waiting_zones(self, connection: Connection, name: Name, *, wave: int) -> "list[str]":
        rows = await connection.fetch(_Q["waiting_zones"], *name, wave)
        return [row["zone"] for row in rows]

    async def skip_pending(
        self,
        connection: Connection,
        name: Name,
        why: ErrorObject,
        *,
        up_to_wave: int = EVERY_WAVE,
        only_away: bool = False,
        zones: Sequence[str] | None = None,
    ) -> "list[CampaignTarget]":
        of = None if zones is None else list(zones)
        rows = await connection.fetch(_Q["skip_pending"], *name, up_to_wave, why, only_away, of)
        return [_target(row) for row in rows]

    async def block_pending(
        self, connection: Connection, name: Name, software: str | None, *, forced: bool
    ) -> "list[CampaignTarget]":
        """Those that wait and may not be sent anything, or that say they do not install
        `software`, or update themselves and are not to be `forced`, skipped."""
        why = (DELETED, DISABLED, UNSUPPORTED)
        rest = (None if forced else SELF_UPDATING, QUARANTINED)
        rows = await connection.fetch(_Q["block_pending"], *name, *why, software, *rest)
        return [_target(row) for row in rows]

    async def failures(
        self, connection: Connection, org: OrgId, device_ids: Sequence[DeviceId] | None
    ) -> "list[Failure]":
        """What may hold devices back; None = of all."""
        faults = [*RELEASE_FAULTS]
        rows = await connection.fetch(_Q["failures"], org, device_ids, faults, SPREAD)
        return [
            Failure(DeviceId(row["device_id"]), row["digest"], row["finished_at"]) for row in rows
        ]

    async def penalties(self, org: OrgId) -> "list[Penalty]":
        """Who is held back now, whose time is up last first."""
        async with self.database.tenant(org).transaction() as connection:
            now: datetime = await connection.fetchval(_Q["now"])
            found = penalties(await self.failures(connection, org, None), now)
        rows = [Penalty(device_id, until) for device_id, until in found.items()]
        return sorted(rows, key=lambda row: (row.until, row.device_id), reverse=True)

    async def clear_penalty(self, connection: Connection, org: OrgId, device_id: DeviceId) -> bool:
        """False when there is no such device."""
        return await connection.fetchval(_Q["clear_penalty"], org, device_id) is not None

    async def strangers(
        self, connection: Connection, name: Name, matching: Sequence[DeviceId]
    ) -> "list[DeviceId]":
        """Those of these that are not in it."""
        rows = await connection.fetch(_Q["strangers"], *name, list(matching))
        return [row["device_id"] for row in rows]

    async def follow(
        self,
        connection: Connection,
        name: Name,
        matching: Sequence[DeviceId],
        why: ErrorObject,
        *,
        last_wave: int,
    ) -> "list[CampaignTarget]":
        """Who waits and is not one of these any more is skipped, and who was and is one again
        waits in the last wave."""
        rows = await connection.fetch(_Q["follow"], *name, list(matching), why, last_wave)
        await connection.execute(_Q["followed"], *name)
        return [_target(row) for row in rows]

    async def refuse(
        self, name: Name, target: CampaignTarget, why: ErrorObject, status: Status = Status.FAILED
    ) -> None:
        await self.database.execute(
            _Q["refuse"], *name, target.position, why, target.attempt, status
        )

    async def reopen(
        self, connection: Connection, name: Name, device_ids: Sequence[DeviceId] | None
    ) -> Campaign | None:
        """For those of these that failed, None = for all that did; None when nobody did."""
        wanted = None if device_ids is None else list(device_ids)
        row = await connection.fetchrow(_Q["reopen"], *name, wanted)
        if row is not None:
            await add_jobs(connection, JOB, name[0], [name[1]])
        return await self._one(connection, row)

    async def move(self, connection: Connection, campaign: Campaign, move: Move) -> Campaign | None:
        """None when it is not as it was seen any more."""
        row = await connection.fetchrow(
            _Q["move"],
            campaign.org,
            campaign.campaign_id,
            campaign.status,
            campaign.wave,
            move.status,
            move.wave,
            move.because,
        )
        return await self._one(connection, row)

    async def member_name(self, connection: Connection, org: OrgId, user_id: str) -> str | None:
        """None for one who is not there, or blocked."""
        return await connection.fetchval(_Q["member_name"], org, user_id)

    async def own(self, connection: Connection, name: Name, owner: Owner) -> None:
        """Who answers for it from now on."""
        await connection.execute(_Q["own"], *name, *owner)

    async def close(self, connection: Connection, name: Name) -> None:
        await connection.execute(_Q["close"], *name)

    # Rows

    async def _one(self, connection: Connection, row: Row | None) -> Campaign | None:
        if row is None:
            return None
        return _campaign(row, await self._counts(connection, row["org_id"], [row["campaign_id"]]))

    async def _counts(
        self, connection: Connection, org: OrgId, campaign_ids: "list[str]"
    ) -> dict[str, TargetCounts]:
        rows = await connection.fetch(_Q["counts"], org, campaign_ids) if campaign_ids else []
        return {row["campaign_id"]: _counted(row) for row in rows}


def _counted(row: Row) -> TargetCounts:
    return TargetCounts(**{field: row[field] for field in TargetCounts.__struct_fields__})


def _campaign(row: Row, counts: dict[str, TargetCounts]) -> Campaign:
    return Campaign(
        org=row["org_id"],
        campaign_id=row["campaign_id"],
        kind=row["kind"],
        subject=row["subject"],
        name=row["name"],
        command=msgspec.convert(row["command"], Load),
        terms=msgspec.convert(row["terms"], Terms),
        target=None if row["target"] is None else msgspec.convert(row["target"], Target),
        attempt=row["attempt"],
        followed_at=row["followed_at"],
        status=CampaignStatus(row["status"]),
        wave=row["wave"],
        wave_since=row["wave_since"],
        stopped_because=row["stopped_because"],
        owner_kind=row["owner_kind"],
        owner_id=row["owner_id"],
        owner_key=row["owner_key"],
        owner_name=row["owner_name"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        counts=counts.get(row["campaign_id"], TargetCounts()),
    )


def _target(row: Row) -> CampaignTarget:
    return CampaignTarget(
        device_id=row["device_id"],
        position=row["position"],
        wave=row["wave"],
        since=row["since"],
        zone=row["zone"],
        status=Status(row["status"]),
        phase=Phase(row["phase"]),
        attempt=row["attempt"],
        losses=row["losses"],
        failures=row["failures"],
        recalled=row["recalled"],
        command_id=row["command_id"],
        from_version=row["from_version"],
        from_boot_id=row["from_boot_id"],
        from_generation=row["from_generation"],
        from_health=row["from_health"],
        error=row["error"],
        started_at=row["started_at"],
        steady_since=row["steady_since"],
        steady_generation=row["steady_generation"],
        finished_at=row["finished_at"],
    )


def _application(campaign: Campaign) -> str | None:
    return None if campaign.application is None else campaign.application.name


def _seen(rows: Iterable[Row], campaign: Campaign) -> list[tuple[CampaignTarget, Seen]]:
    return [(_target(row), _as_seen(row, campaign)) for row in rows]


def _as_seen(row: Row, campaign: Campaign) -> Seen:
    command = row["seen_command"]
    own, at_hello = _versions_of(row, campaign.software)
    seen = Seen(
        online=row["seen_online"],
        generation=row["seen_generation"],
        line_seconds=row["seen_line_seconds"] or 0.0,
        boot_id=row["seen_boot_id"],
        agent_version=at_hello,
        version=own,
        replaced=_replaced(row),
        health=row["seen_health"] or "OFFLINE",
        command=None if command is None else State(command),
        command_error=row["seen_command_error"],
        redeliverable=row["seen_redeliver"] or _is_redeliverable(campaign.command),
        cancel_asked=row["seen_cancelled"],
        deleted=row["seen_deleted"],
        disabled=row["seen_disabled"],
        quarantined=row["seen_quarantined"],
        pin=_pin_of(row["seen_pins"], campaign.software),
    )
    return seen if campaign.application is None else _with(seen, row, campaign.application)


def _with(seen: Seen, row: Row, load: RollOut) -> Seen:
    """What is known of the application."""
    found = application_seen(
        AssignedRow(
            revision=row["seen_revision"],
            wanted=row["seen_wanted"],
            filled=row["seen_filled"] or {},
            fills=row["seen_fills"] or {},
            pinned=bool(row["seen_pinned"]),
            stopped=row["seen_stopped"] or (),
            said=row["seen_said"] or (),
            is_current=bool(row["seen_current"]),
        ),
        load.revision,
        load.services,
    )
    return replace(
        seen,
        health="ONLINE",
        version=found.version,
        agent_version=found.running,
        command=found.command,
        command_error=found.error,
        pin=PINNED if row["seen_pinned"] else None,
        has_engine=row["seen_engine"],
    )


def _is_redeliverable(load: Load) -> bool:
    return not isinstance(load, RollOut) and spec_of(load).redeliverable


def _pin_of(pins: dict[str, str] | None, software: str | None) -> str | None:
    return None if pins is None or software is None else pins.get(software)


def _replaced(row: Row) -> str | None:
    said = row["seen_software"]
    found: str | None = None if said is None else said.get("replaced")
    return found


def _versions_of(row: Row, software: str | None) -> tuple[str | None, str | None]:
    """The version that was said last, and the one of the present line: of `software` for a device
    that says what it installs, else of its agent."""
    said = row["seen_software"]
    if software in (None, AGENT_TYPE) or said is None or "installers" not in said:
        return row["seen_version"], row["seen_agent_version"]
    found: str | None = said.get("versions", {}).get(software)
    return found, found


def owner_of(by: Principal) -> Owner:
    return by.kind, by.subject, by.key_id, by.actor


def _change_row(change: TargetChange) -> tuple[Any, ...]:
    before, after = change.before, change.after
    return (
        before.status,
        before.phase,
        before.attempt,
        after.position,
        after.status,
        after.phase,
        after.attempt,
        after.command_id,
        after.from_version,
        after.from_boot_id,
        after.from_generation,
        after.error,
        after.since,
        after.started_at,
        after.steady_since,
        after.steady_generation,
        after.finished_at,
        after.losses,
        after.failures,
        after.from_health,
        after.recalled,
    )
