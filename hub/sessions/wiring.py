"""Carries byte streams between persons and devices."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from hub.accounts.service import AccountService
from hub.audit.service import AuditService
from hub.base.bus import Bus
from hub.base.foundation import Capability, Foundation, Timer
from hub.base.jobs import every
from hub.lines.service import LineService
from hub.rights.memory import RightsMemory
from hub.sessions import asking, host, watching
from hub.sessions.admission import SessionGate
from hub.sessions.asking import SessionAsking
from hub.sessions.host import SessionHost
from hub.sessions.records import KEPT_DAYS
from hub.sessions.relay import Relay
from hub.sessions.rest import SessionEndpoints
from hub.sessions.service import ByteSessionService
from hub.sessions.store import ByteSessionStore
from hub.sessions.watching import CredentialWatch, EndedCertificates
from protocol.frames import SessionAccepted, SessionRefused
from protocol.ids import DeviceKey

DUE_SECONDS: Final = 1.0
RELAYED_AT_ONCE: Final = 4
"""Messages of 64 KiB in one turn of the loop."""


class Sessions(NamedTuple):
    host: SessionHost
    asking: SessionAsking
    gate: SessionGate


def build(
    base: Foundation,
    audit: AuditService,
    accounts: AccountService,
    certificates: EndedCertificates,
    rights: RightsMemory,
    lines: LineService,
    *,
    hint: Callable[[DeviceKey], None],
) -> tuple[Sessions, Capability]:
    """`hint`: a device on a line elsewhere is to be asked for a session."""
    store = ByteSessionStore(base.database)
    bus = Bus(base.settings.redis_url, clock=time.monotonic, hints_a_pipeline=RELAYED_AT_ONCE)
    relay = Relay(bus, base.replica_id)
    here = SessionHost(store, audit, relay, replica_id=base.replica_id, spawn=base.spawn)
    asker = SessionAsking(store, lines, here, hint=hint, spawn=base.spawn)
    lines.on_hello(asker.said_hello)
    required = base.settings.device_certificates == "required"
    gate = SessionGate(
        store, here, relay, accounts, asker, certificate_required=required, spawn=base.spawn
    )
    watch = CredentialWatch(
        here, accounts, certificates, rights, clock=base.clock, spawn=base.spawn
    )
    accounts.on_change(watch.changed)
    service = ByteSessionService(store, here, relay, asker, accounts, audit, lines)
    return Sessions(here, asker, gate), Capability(
        endpoints=(SessionEndpoints(service),),
        loops=(relay.run,),
        timers=(
            Timer(host.LOOK_SECONDS, here.look),
            Timer(asking.LOOK_SECONDS, asker.look),
            Timer(watching.LOOK_SECONDS, watch.look),
        ),
        jobs=(every(DUE_SECONDS, "sessions", lambda _: here.end_due()),),
        frames={SessionRefused: asker.refused, SessionAccepted: asker.accepted},
        clean_up=lambda _: store.forget(KEPT_DAYS),
    )
