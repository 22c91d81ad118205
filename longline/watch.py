"""`python -m longline.watch URL TOKEN`: prints every event of every device as a dashboard gets it.

The demo shows this line to its visitors; it is also the shortest example of a dashboard.
"""

import contextlib
import json
import sys
from collections.abc import Generator

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from longline.outward import way_out_to


def events(url: str, token: str) -> Generator[str]:
    """JSON texts, until the hub closes the socket. `url` is the hub's, with http or https."""
    address = url.replace("http", "ws", 1) + "/ws/dashboard"
    bearer = {"Authorization": f"Bearer {token}"}
    way_out = way_out_to(url, None, insecure=False)
    with connect(
        address,
        additional_headers=bearer,
        compression=None,
        proxy=way_out.proxy_to(url),
        ssl=way_out.context if address.startswith("wss:") else None,
    ) as socket:
        socket.send(json.dumps({"type": "subscribe", "id": "all"}))
        with contextlib.suppress(ConnectionClosed):
            while True:
                yield str(socket.recv())


def main(url: str, token: str) -> None:
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        for event in events(url, token):
            sys.stdout.write(event + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
