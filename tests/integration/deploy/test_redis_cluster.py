"""What a Redis Cluster is to the bus: fine while one node has the organisation's keys."""

import socket
import time
from collections.abc import Generator

import pytest
from redis import Redis

from hub.base.bus import Bus, BusUnavailable
from protocol.ids import DEFAULT_ORG
from tests.integration.dashboard_ws.valkey import Valkey, running_valkey, until

SLOTS = 16384


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def node() -> Generator[Valkey]:
    """A node of a cluster, which has no slot yet."""
    ports = ("--port", str(free_port()), "--cluster-port", str(free_port()))
    with running_valkey("--cluster-enabled", "yes", "--bind", "127.0.0.1", *ports) as valkey:
        yield valkey


def ask(valkey: Valkey, *command: str) -> str:
    with Redis(unix_socket_path=str(valkey.socket)) as client:
        answer: object = client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return str(answer)  # pyright: ignore[reportUnknownArgumentType]


def slot_of(valkey: Valkey, org: str) -> int:
    return int(ask(valkey, "CLUSTER", "KEYSLOT", f"longline:{{{org}}}:head"))


async def opened(valkey: Valkey) -> str:
    """The epoch of the organisation's stream, once the cluster is up."""
    await until(lambda: "cluster_state:ok" in ask(valkey, "CLUSTER", "INFO"))
    bus = Bus(valkey.url, clock=time.monotonic)
    try:
        await bus.append_gap(DEFAULT_ORG, "bus", source="r-1")
        return (await bus.open(DEFAULT_ORG)).epoch
    finally:
        await bus.close()


async def test_one_node_with_every_slot_serves(node: Valkey) -> None:
    node.execute("CLUSTER", "ADDSLOTSRANGE", "0", str(SLOTS - 1))

    assert await opened(node)


async def test_the_keys_of_an_organisation_are_in_one_slot(node: Valkey) -> None:
    slot = str(slot_of(node, DEFAULT_ORG))
    node.execute("CONFIG", "SET", "cluster-require-full-coverage", "no")
    node.execute("CLUSTER", "ADDSLOTS", slot)

    assert await opened(node)


async def test_a_node_that_has_not_the_slot_is_no_bus(node: Valkey) -> None:
    slot = slot_of(node, DEFAULT_ORG)
    node.execute("CONFIG", "SET", "cluster-require-full-coverage", "no")
    node.execute("CLUSTER", "ADDSLOTSRANGE", str(slot + 1), str(SLOTS - 1))

    with pytest.raises(BusUnavailable, match="slot"):
        await opened(node)
