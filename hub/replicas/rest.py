"""How the fleet and its replicas are: `/health`."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from hub.audit.chain_store import ChainHealth
from hub.base.roles import Isolation, Rights
from hub.replicas.figures import Figures
from hub.replicas.lease import LEASE_SECONDS
from hub.replicas.store import HealthStore, ReplicaRow
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.ids import ReplicaId


class ReplicaHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    id: ReplicaId
    address: str
    version: str | None
    started_at: str
    last_seen: str
    draining: bool
    figures: Figures | None
    """What it told of itself at `lastSeen`; null just after its start."""


class Totals(Struct, frozen=True, kw_only=True, rename="camel"):
    devices: int
    connected: int
    unfinished_commands: int
    cloud_queue: int
    """Records that wait for the cloud."""


class DatabaseLogin(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    rights: Rights
    """The most that the hub's login may do; all but `hub` is more than serving needs."""
    organisations: Isolation
    """What keeps organisations apart: `role`, a database role for each transaction and row-level
    security, or `statements` alone, where the login may not become that role."""


class AuditHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    unsealed: int
    """Rows that are not in the chain after a minute; more than 0 is a fault."""
    anchor_error: str | None
    """Why the anchor of LONGLINE_AUDIT_ANCHOR cannot be written; commands go on."""


class FleetHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    server_time: str
    replicas: list[ReplicaHealth]
    """Those that have not ended, the oldest first."""
    totals: Totals
    database_login: DatabaseLogin
    audit: AuditHealth


class HealthEndpoints:
    """`cloud_queue` says how many records wait for the cloud, `audit` how its chain is."""

    def __init__(
        self,
        store: HealthStore,
        cloud_queue: Callable[[], int],
        audit: Callable[[], Awaitable[ChainHealth]],
    ) -> None:
        self._store = store
        self._cloud_queue = cloud_queue
        self._audit = audit

    async def health(self, call: Call[None, None]) -> FleetHealth:
        replicas = await self._store.replicas(LEASE_SECONDS)
        counts = await self._store.counts(call.principal.org)
        login = await self._store.login()
        audit = await self._audit()
        return FleetHealth(
            server_time=rfc3339(counts.now),
            replicas=[_health(row) for row in replicas],
            totals=Totals(
                devices=counts.devices,
                connected=counts.connected,
                unfinished_commands=counts.unfinished,
                cloud_queue=self._cloud_queue(),
            ),
            database_login=DatabaseLogin(
                name=login.name, rights=login.rights, organisations=login.organisations
            ),
            audit=AuditHealth(unsealed=audit.unsealed, anchor_error=audit.anchor_error),
        )


def _health(row: ReplicaRow) -> ReplicaHealth:
    return ReplicaHealth(
        id=row.replica_id,
        address=row.address,
        version=row.version,
        started_at=rfc3339(row.started_at),
        last_seen=rfc3339(row.last_seen),
        draining=row.told is not None and row.told.draining,
        figures=None if row.told is None else row.told.figures,
    )
