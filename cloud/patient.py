"""A client's socket whose peer may read nothing for as long as it likes.

While what was read waits for its reader, pongs wait behind it; so a missing pong is no proof. A
ping is sent, which a peer that is gone does not acknowledge, and the kernel is asked about that.
"""

import asyncio

from websockets.asyncio.client import ClientConnection

from cloud.tcp_info import tcp_info
from protocol.peer_kernel import LOOK_SECONDS, PeerKernel


class PatientConnection(ClientConnection):
    """Pass it as `create_connection`, with a `ping_interval`."""

    async def keepalive(self) -> None:
        peer = PeerKernel()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if peer.is_gone(tcp_info(self.transport)):
                self.transport.abort()
                return
            if not self.transport.get_write_buffer_size():  # else a ping waits like all else
                await self.ping()
