"""The two ends of a connection."""

from hub.sessions.channels import Which
from hub.sessions.ending import EndReason
from hub.sessions.pair import HIGH, MOST_KEPT, Pair
from protocol.sessions import failure, success

BLOCK = b"\x01" + bytes(32 * 1024 - 1)


class End:
    def __init__(self, *, is_here: bool = True) -> None:
        self.is_here = is_here
        self.got: list[bytes] = []
        self.waiting = 0
        self.held = False
        self.finished: EndReason | None = None

    def send(self, message: bytes) -> None:
        self.got.append(message)

    def backlog(self) -> int:
        return self.waiting

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False

    def finish(self, reason: EndReason) -> None:
        self.finished = reason


class Bench:
    def __init__(self) -> None:
        self.seen: list[tuple[Which, bytes]] = []
        self.ends: list[EndReason] = []
        self.full = False
        self.pair = Pair(
            watch=lambda which, message: self.seen.append((which, message)),
            ended=self.ends.append,
            full=lambda: self.full,
        )
        self.person, self.device = End(), End()

    def joined(self) -> "Bench":
        self.pair.join("device", self.device)
        self.pair.join("person", self.person)
        return self


def test_each_side_hears_the_other() -> None:
    bench = Bench().joined()
    assert bench.pair.is_joined
    bench.pair.received("person", b"\x00in")
    bench.pair.received("device", b"\x01out")
    bench.pair.received("person", b"\x01not his")
    assert (bench.device.got, bench.person.got) == ([b"\x00in"], [b"\x01out"])
    assert bench.seen == [("person", b"\x00in"), ("device", b"\x01out")]
    assert bench.pair.end_of("person") is bench.person


def test_which_ends_are_here() -> None:
    bench = Bench()
    bench.person.is_here = False
    bench.joined()
    assert bench.pair.ends_here() == ["device"]


def test_what_comes_for_nobody_is_kept_within_a_bound() -> None:
    bench = Bench()
    bench.pair.join("device", bench.device)
    for _ in range(MOST_KEPT // len(BLOCK)):
        bench.pair.received("device", BLOCK)
    assert not bench.device.held
    bench.pair.received("device", BLOCK)
    assert bench.device.held
    bench.pair.join("person", bench.person)
    assert len(bench.person.got) == 3
    assert not bench.device.held


def test_a_slow_end_slows_the_other() -> None:
    bench = Bench().joined()
    bench.person.waiting = HIGH + 1
    bench.pair.received("device", b"\x01x")
    assert bench.device.held
    bench.pair.drained("person")
    assert bench.device.held
    bench.person.waiting = 0
    bench.pair.drained("person")
    assert not bench.device.held
    assert not bench.person.held


def test_what_waits_to_be_recorded_slows_the_device_alone() -> None:
    bench = Bench().joined()
    bench.full = True
    bench.pair.received("person", b"\x00x")
    assert not bench.person.held
    bench.pair.received("device", b"\x01x")
    assert bench.device.held
    bench.pair.drained("person")
    assert bench.device.held
    bench.full = False
    bench.pair.drained("person")
    assert not bench.device.held


def test_a_side_that_is_not_there_is_not_drained() -> None:
    bench = Bench()
    bench.pair.drained("person")
    bench.pair.join("device", bench.device)
    assert not bench.device.held


def test_the_last_status_ends_it_for_both() -> None:
    bench = Bench().joined()
    bench.pair.received("device", success())
    assert bench.person.got == [success()]
    assert bench.ends == [EndReason.FINISHED]
    assert bench.person.finished is bench.device.finished is EndReason.FINISHED
    bench.pair.received("device", b"\x01late")
    bench.pair.left("device", EndReason.CLOSED)
    bench.pair.end(EndReason.EXPIRED)
    assert bench.person.got == [success()]
    assert bench.ends == [EndReason.FINISHED]
    assert bench.pair.ended is EndReason.FINISHED


def test_an_agent_that_restarts_says_so() -> None:
    bench = Bench().joined()
    bench.pair.received("device", failure("AgentRestarted", "it restarts"))
    assert bench.ends == [EndReason.AGENT_RESTARTED]


def test_what_a_device_has_said_waits_for_its_person() -> None:
    bench = Bench()
    bench.pair.join("device", bench.device)
    bench.pair.received("device", b"\x01line")
    bench.pair.received("device", success())
    assert bench.device.finished is EndReason.FINISHED
    assert bench.ends == []
    bench.pair.received("device", b"\x01late")
    bench.pair.join("person", bench.person)
    assert bench.person.got == [b"\x01line", success()]
    assert bench.person.finished is EndReason.FINISHED
    assert bench.ends == [EndReason.FINISHED]


def test_a_device_that_said_nothing_waits_for_nobody() -> None:
    bench = Bench()
    bench.pair.join("device", bench.device)
    bench.pair.left("device", EndReason.CLOSED)
    assert bench.ends == [EndReason.CLOSED]


def test_a_person_who_leaves_ends_it() -> None:
    bench = Bench()
    bench.pair.join("person", bench.person)
    bench.pair.received("person", b"\x00ls\n")
    bench.pair.left("person", EndReason.CLOSED)
    assert bench.ends == [EndReason.CLOSED]
