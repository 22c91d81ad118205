"""Who is let in, and when: the gate with a turnstile whose turns the test makes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from dashboard_ws.dashboards import Dashboards
from hub.base.principal import Principal
from hub.base.turnstile import Turnstile
from hub.certificates.service import CertificateService
from hub.gate import DashboardTokens, SocketGate
from hub.lines.endpoint import LineEndpoint
from hub.sessions.admission import SessionGate
from hub.socket.handler import Handler
from hub.socket.handshake import Refusal, Upgrade
from hub.web.site import Site


class Devices:
    """Each decision takes four milliseconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.decided: list[str] = []

    def admit(self, upgrade: Upgrade, _: Principal | None) -> Handler:
        self.now += 0.004
        self.decided.append(upgrade.query)
        return cast("Handler", upgrade.query)


class House:
    def __init__(self, *, bound: int = 100) -> None:
        self.devices = Devices()
        self.soon: list[Callable[[], None]] = []
        self.draining = False
        self.gate = SocketGate(
            cast("LineEndpoint", self.devices),
            cast("CertificateService", None),
            cast("Dashboards", None),
            cast("DashboardTokens", None),
            cast("SessionGate", None),
            Site(),
            query_tokens=True,
            turnstile=Turnstile(clock=lambda: self.devices.now, soon=self.soon.append, bound=bound),
            draining=lambda: self.draining,
        )

    def come(self, name: str, path: str = "/ws/device") -> Any:
        return self.gate.admit(
            Upgrade(path=path, query=name, headers={}, remote="127.0.0.1", secure=False)
        )

    def turn(self) -> None:
        due, self.soon[:] = self.soon[:], []
        for call in due:
            call()


async def test_g11_a_crowd_of_devices_is_let_in_over_several_turns_in_order() -> None:
    house = House()
    answers = [house.come(str(number)) for number in range(6)]
    assert house.devices.decided == ["0", "1"]
    assert answers[:2] == ["0", "1"]
    waiting: list[Awaitable[object]] = answers[2:]
    house.turn()
    assert house.devices.decided == ["0", "1", "2", "3"]
    house.turn()
    assert await asyncio.gather(*waiting) == ["2", "3", "4", "5"]


async def test_g11_when_too_many_wait_the_next_is_told_to_come_later() -> None:
    house = House(bound=1)
    for name in "abc":
        house.come(name)
    refusal = house.come("d")
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (503, "overloaded")
    assert 1 <= (refusal.retry_after or 0) <= 15


async def test_who_gave_up_while_waiting_is_not_looked_at() -> None:
    house = House()
    for name in "ab":
        house.come(name)
    house.come("gone").cancel()
    house.turn()
    assert house.devices.decided == ["a", "b"]


async def test_g14_a_draining_replica_lets_nobody_in() -> None:
    house = House()
    house.draining = True
    refusal = house.come("a")
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.retry_after) == (503, 1)
    assert house.devices.decided == []


async def test_another_path_is_no_socket() -> None:
    refusal = House().come("a", "/ws/other")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 404
