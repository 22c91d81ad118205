"""Who is a side of a session, and how many sessions a replica takes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from hub.base.errors import Overloaded, Unauthenticated
from hub.base.principal import Principal
from hub.sessions.admission import SessionGate
from hub.sessions.records import MOST_HERE, ByteSessionRow, ConnectionRow, SessionKey
from protocol.ids import ReplicaId
from tests.unit.hub.sessions.test_records import DEVICE, PERSON, ROW

HERE = ReplicaId("here")


class Accounts:
    async def device(self, token: str) -> Principal:
        if token != "device":
            raise Unauthenticated("no device")
        return DEVICE

    async def user(self, token: str) -> Principal:
        assert token == "person"
        return PERSON


class Store:
    """One session, of which nobody is a side yet."""

    @property
    def database(self) -> "Store":
        return self

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        yield

    async def get(self, *_: object) -> ByteSessionRow:
        return ROW

    async def lock_one(self, *_: object) -> ByteSessionRow:
        return ROW

    async def connection(self, *_: object) -> ConnectionRow:
        return ConnectionRow(
            key=ROW.key, name="", person=None, device=None,
            ended=False, session_ended=False, reason=None,
        )  # fmt: skip

    async def claim(self, *_: object) -> bool:
        return True

    async def opened(self, *_: object) -> None: ...


class Host(dict[SessionKey, object]):
    replica_id = HERE


def gate(host: Host) -> SessionGate:
    unused = cast("Any", None)
    return SessionGate(
        cast("Any", Store()), cast("Any", host), unused, cast("Any", Accounts()), unused,
        certificate_required=False, spawn=unused,
    )  # fmt: skip


async def test_no_person_comes_by_a_frame_where_only_devices_do() -> None:
    with pytest.raises(Unauthenticated):
        await gate(Host()).claim("person", ROW.id, "", devices_only=True)
    claim = await gate(Host()).claim("device", ROW.id, "", devices_only=True)
    assert claim.which == "device"


async def test_a_replica_that_is_full_takes_the_second_side_of_what_it_has() -> None:
    full: dict[SessionKey, object] = {
        SessionKey(ROW.org, str(number)): None for number in range(MOST_HERE)
    }
    with pytest.raises(Overloaded):
        await gate(Host(full)).claim("device", ROW.id, "", devices_only=False)
    full.popitem()
    claim = await gate(Host(full | {ROW.key: None})).claim("device", ROW.id, "", devices_only=False)
    assert claim.row is ROW
