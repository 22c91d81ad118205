"""What Linux says of a peer: the first bytes of `TCP_INFO`."""

import socket
import struct
import sys

import pytest

from protocol.peer_kernel import INFO_SIZE, PeerKernel, is_unanswered


def info(*, retransmits: int = 0, probes: int = 0, waited: int = 60_000) -> bytes:
    numbers = [0] * 24
    numbers[12] = waited
    return struct.pack("<8B24I", 1, 0, retransmits, probes, 0, 0, 0, 0, *numbers)


def test_a_peer_is_unanswered_after_two_tries_and_a_look() -> None:
    assert not is_unanswered(info())
    assert not is_unanswered(info(probes=1))
    assert not is_unanswered(info(probes=2, waited=9_999))
    assert is_unanswered(info(probes=2, waited=10_000))
    assert is_unanswered(info(retransmits=2))
    assert not is_unanswered(b"")


def test_a_peer_is_gone_at_the_second_look_in_a_row() -> None:
    peer = PeerKernel()
    looks = [info(probes=2), info(), info(probes=3), info(probes=4)]
    assert [peer.is_gone(look) for look in looks] == [False, False, False, True]


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")
def test_the_kernel_says_it_in_these_places() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        found = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
    assert len(found) == INFO_SIZE
    assert not is_unanswered(found)
    assert int.from_bytes(found[56:60], "little") < 10_000
