"""Values of the hub's floors, valid by default: a test states only what matters to it."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from hub.base.holding import Holding
from hub.base.kept import Kept
from hub.base.principal import Principal, Role
from hub.commands.decisions import Claim, CommandTarget, NewCommand
from hub.commands.records import CommandRow
from hub.lines.pace import Rates
from hub.lines.session import LineListener, LineSession, Renewal
from hub.replicas import figures
from hub.rights import access
from protocol.closing import CloseCode
from protocol.commands import COMMANDS
from protocol.frames import Hello
from protocol.ids import DEFAULT_ORG, CommandId, DeviceId, Generation, OrgId, ReplicaId
from protocol.lifecycle import ENDED, State
from protocol.replies import Reply
from protocol.telemetry import Telemetry

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_principal(role: Role | None = "ADMIN", **changes: Any) -> Principal:
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "kind": "user", "subject": "u1", "actor": "alice", "role": role,
        "session_id": "s1",
    }  # fmt: skip
    fields["rights"] = _rights(role, changes.get("kind"))
    return Principal(**{**fields, **changes})


def _rights(role: Role | None, kind: str | None) -> Holding:
    if role is None:
        return access.OF_DEVICES if kind == "device" else Holding()
    grant = access.grant_to_key(role) if kind == "api_key" else access.grant_of_role(role)
    return Holding((grant,))


def make_state(**changes: Any) -> figures.State:
    """What a replica is at one moment."""
    fields: dict[str, Any] = {
        "lines": 0, "dashboards": 0, "stream_lag": None, "redis": "ok", "memory_bytes": 1,
        "draining": False, "hot_path": "python",
        "queues": figures.Queues(events=0, stream=0, batches=0),
        "database": figures.DatabaseUse(connections=2, busy=0, most=10, latency_ms=None),
    }  # fmt: skip
    return figures.State(**{**fields, **changes})


def make_counted(**changes: float) -> figures.Counted:
    fields: dict[str, float] = {
        "at": 100.0, "cpu_seconds": 1.0, "events": 0, "commands": 0, "refusals": 0, "errors": 0,
    }  # fmt: skip
    return figures.Counted(**{**fields, **changes})


def make_told(**state: Any) -> figures.ReplicaReport:
    """What a replica tells of itself at its first look."""
    return figures.told(None, make_counted(), make_state(**state))


def make_new(**changes: Any) -> NewCommand:
    """A command that somebody wants."""
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "command_id": CommandId("c1"), "chosen": True,
        "device_id": DeviceId("d1"), "type": "force_sync", "params": {}, "timeout_ms": 15_000,
        "delivery": "now",
        "expires_at": None, "by": make_principal(), "batch_id": None, "request_hash": b"hash",
    }  # fmt: skip
    return NewCommand(**{**fields, **changes})


def make_command(status: State = State.SENT, **changes: Any) -> CommandRow:
    """A row of the ledger; what follows from its status is filled in."""
    sent = status is not State.PENDING
    wanted = msgspec.structs.asdict(make_new())
    del wanted["chosen"], wanted["by"], wanted["frame_bytes"], wanted["problem"]
    del wanted["names_secrets"], wanted["approval_id"], wanted["end"]
    wanted["actor"] = "alice"
    fields: dict[str, Any] = {
        **wanted,
        "seq": 1, "status": status, "created_at": MOMENT, "deadline": MOMENT,
        "sent_at": MOMENT if sent else None, "sent_generation": 1 if sent else None,
        "journal_id": None, "cancelled_by": None, "progress": None,
        "finished_at": MOMENT if status in ENDED else None, "output": None, "data": None,
        "error": None, "late_result": None, "accepted_by": ReplicaId("r-1"),
    }  # fmt: skip
    return CommandRow(**{**fields, **changes})


def make_target(**changes: Any) -> CommandTarget:
    """A device that is on a line and has no commands."""
    fields: dict[str, Any] = {
        "seq": 0, "online": True, "generation": 1, "commands": None, "unfinished": 0,
        "owner": ReplicaId("r-1"),
    }  # fmt: skip
    return CommandTarget(**{**fields, **changes})


def make_claim(**changes: Any) -> Claim:
    """A settled line of a device without a journal, which was written nothing."""
    fields: dict[str, Any] = {
        "org": DEFAULT_ORG, "device_id": DeviceId("d1"), "generation": Generation(2),
        "journal_id": None, "commands": frozenset(COMMANDS), "settled": True, "sent_up_to": 0,
    }  # fmt: skip
    return Claim(**{**fields, **changes})


class Listener:
    """The floors above a line: keeps what it was handed, in order."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, object]] = []

    def opened(self, line: LineSession) -> None:
        self.happened.append(("opened", line))

    def settled(self, line: LineSession) -> None:
        self.happened.append(("settled", line))

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        self.happened.append(("hello", hello))

    def replied(self, line: LineSession, reply: Reply) -> None:
        self.happened.append(("reply", reply))

    def too_large(self, line: LineSession) -> None: ...
    def closed(self, line: LineSession) -> None:
        self.happened.append(("closed", line))


class FakeContext:
    """What a session asks of its replica; the test moves the clock."""

    def __init__(self, rates: Rates | None = None) -> None:
        self.rates = rates or Rates(frames=1000, bytes=4 * 2**20)
        self.heard = Listener()
        self.now = 100.0
        self.events: list[Telemetry] = []
        self.takes_events = True
        self.outcome = Kept.TAKEN
        self.renewals: dict[str, Renewal] = {}
        self.invalid = 0
        self.quarantined = 0

    @property
    def listener(self) -> LineListener:
        return self.heard

    def clock(self) -> float:
        return self.now

    def wall_clock(self) -> float:
        return MOMENT.timestamp()

    def telemetry(self, line: LineSession, message: Telemetry, /) -> Kept:
        if self.takes_events:
            self.events.append(message)
        return self.outcome if self.takes_events else Kept.REFUSED

    def take(self, line: LineSession, frame: Any) -> None:
        self.heard.replied(line, frame)

    def said_hello(self, line: LineSession, hello: Hello) -> None:
        self.heard.said_hello(line, hello)

    def renew(self, line: LineSession, token: str) -> Renewal | None:
        return self.renewals.get(token)

    def counted_invalid(self) -> None:
        self.invalid += 1

    def counted_quarantined(self) -> None:
        self.quarantined += 1


class Wire:
    """What a session wrote: frames, decoded, and close codes."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.closed: list[CloseCode] = []

    def send(self, frame: bytes) -> None:
        self.raw.append(frame)

    def close(self, code: CloseCode) -> None:
        self.closed.append(code)

    def frames(self) -> list[dict[str, Any]]:
        """What was written since the last look."""
        found: list[dict[str, Any]] = [msgspec.json.decode(frame) for frame in self.raw]
        self.raw.clear()
        return found


def make_line(
    wire: Wire | None = None, context: FakeContext | None = None, **changes: Any
) -> LineSession:
    wire = wire or Wire()
    fields: dict[str, Any] = {
        "org": OrgId("default"), "device_id": DeviceId("d1"), "session_id": "s1", "generation":
        Generation(1), "replica_id": ReplicaId("r-1"), "version": 0, "serial": None,
        "expires_at": 1e12, "send": wire.send, "close": wire.close,
        "context": context or FakeContext(),
    }  # fmt: skip
    return LineSession(**{**fields, **changes})
