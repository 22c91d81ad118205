"""How each peer is spoken to: connections, subscriptions, messages, as bytes.

A command carries an id of 15 digits between two letters, `C…C`; the first four are the number of
its caller, so that a device knows whom to answer.
"""

import re
from collections.abc import Callable
from re import Pattern
from typing import Final, Protocol

from tests.bench.wire import Tap, client_frame, connect, connect_websocket, server_frames

ID: Final = re.compile(rb"C(\d{15})C")
DASHBOARDS: Final = "dashboards"


def caller_of(command_id: bytes) -> str:
    return f"caller{int(command_id[:4])}"


class Dialect(Protocol):
    """`asked` finds a command in what a device reads, `answered` a result at its caller."""

    asked: Pattern[bytes]
    answered: Pattern[bytes]

    async def open(self, port: int) -> Tap:
        """A connection that may do anything."""
        ...

    async def join(self, tap: Tap, room: str) -> None:
        """Get what is sent to `room`; returns when it stands."""
        ...

    def publish(self, payload: bytes) -> bytes:
        """A message to whoever joined the dashboards."""
        ...

    def command(self, device: str, command_id: bytes) -> bytes: ...
    def result(self, token: bytes) -> bytes:
        """The answer to what `asked` found."""
        ...

    def watch(self, tap: Tap, receive: Callable[[bytes], None]) -> None:
        """Hand every chunk of a subscriber to `receive`, answering where the peer wants that."""
        ...


class _Plain:
    asked = ID
    answered = ID

    def watch(self, tap: Tap, receive: Callable[[bytes], None]) -> None:
        tap.pour(receive)


class Json(_Plain):
    """The small hubs of ours for Django Channels and Node `ws`: JSON with `type`."""

    async def open(self, port: int) -> Tap:
        return await connect_websocket(port, "/ws")

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(client_frame(b'{"type":"join","room":"%b"}' % room.encode()))
        await tap.until(b"joined")

    def publish(self, payload: bytes) -> bytes:
        return client_frame(payload)

    def command(self, device: str, command_id: bytes) -> bytes:
        body = b'{"type":"command","to":"%b","id":"C%bC"}' % (device.encode(), command_id)
        return client_frame(body)

    def result(self, token: bytes) -> bytes:
        body = b'{"type":"result","to":"%b","id":"C%bC"}' % (caller_of(token).encode(), token)
        return client_frame(body)


class SocketIo(_Plain):
    """Engine.IO 4 and Socket.IO 5 over a WebSocket."""

    async def open(self, port: int) -> Tap:
        tap = await connect_websocket(port, "/socket.io/?EIO=4&transport=websocket")
        await tap.until(b"}")
        tap.write(client_frame(b"40"))
        await tap.until(b"}")
        return tap

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(client_frame(b'420["join","%b"]' % room.encode()))
        await tap.until(b'["joined"]')

    def publish(self, payload: bytes) -> bytes:
        return client_frame(b'42["telemetry",%b]' % payload)

    def command(self, device: str, command_id: bytes) -> bytes:
        return self._send(device, command_id)

    def result(self, token: bytes) -> bytes:
        return self._send(caller_of(token), token)

    def _send(self, to: str, command_id: bytes) -> bytes:
        return client_frame(b'42["send",{"to":"%b","id":"C%bC"}]' % (to.encode(), command_id))


class Rpc:
    """fastapi-websocket-pubsub for telemetry: a subscriber answers each notification."""

    _path = "/pubsub"
    asked = re.compile(rb'"call_id": ?"(\w+)"')
    answered = re.compile(rb'"response": ?\{')

    async def open(self, port: int) -> Tap:
        return await connect_websocket(port, self._path)

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(self._call(b"subscribe", b'{"topics":["%b"]}' % room.encode(), b"join"))
        await tap.until(b'"call_id":"join"}}')

    def publish(self, payload: bytes) -> bytes:
        arguments = b'{"topics":["%b"],"data":%b}' % (DASHBOARDS.encode(), payload)
        return self._call(b"publish", arguments, b"p")

    def command(self, device: str, command_id: bytes) -> bytes:
        arguments = b'{"to":"%b","command":"C%bC"}' % (device.encode(), command_id)
        return self._call(b"dispatch", arguments, b"c")

    def result(self, token: bytes) -> bytes:
        body = b'{"response":{"result":"done","result_type":"str","call_id":"%b"}}' % token
        return client_frame(body)

    def watch(self, tap: Tap, receive: Callable[[bytes], None]) -> None:
        rest = b""

        def read(chunk: bytes) -> None:
            nonlocal rest
            receive(chunk)
            frames, rest = server_frames(rest + chunk)
            asked = [token for _, text in frames for token in self.asked.findall(text)]
            tap.write(b"".join(map(self.result, asked)))

        tap.pour(read)

    def _call(self, method: bytes, arguments: bytes, call_id: bytes) -> bytes:
        return client_frame(
            b'{"request":{"method":"%b","arguments":%b,"call_id":"%b"}}'
            % (method, arguments, call_id)
        )


class RpcCommands(Rpc):
    """fastapi-websocket-rpc for commands: the hub calls a method of the device."""

    _path = "/rpc"

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(self._call(b"register", b'{"name":"%b"}' % room.encode(), b"join"))
        await tap.until(b'"call_id":"join"}}')


class Nats(_Plain):
    async def open(self, port: int) -> Tap:
        tap = await connect(port)
        await tap.until(b"\r\n")
        tap.write(b'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
        await tap.until(b"PONG\r\n")
        return tap

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(b"SUB %b 1\r\nPING\r\n" % room.encode())
        await tap.until(b"PONG\r\n")

    def publish(self, payload: bytes) -> bytes:
        return self._publish(DASHBOARDS, payload)

    def command(self, device: str, command_id: bytes) -> bytes:
        return self._publish(device, b"C%bC" % command_id)

    def result(self, token: bytes) -> bytes:
        return self._publish(caller_of(token), b"C%bC" % token)

    def _publish(self, subject: str, payload: bytes) -> bytes:
        return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(payload), payload)


class Redis(_Plain):
    """A connection that subscribes may not publish, so `open` publishes and `join` cannot; where a
    role needs both, RESP3 allows it."""

    async def open(self, port: int) -> Tap:
        tap = await connect(port)
        tap.write(_resp(b"HELLO", b"3"))
        await tap.until(b"modules\r\n")
        return tap

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(_resp(b"SUBSCRIBE", room.encode()))
        await tap.until(room.encode() + b"\r\n:1\r\n")

    def publish(self, payload: bytes) -> bytes:
        return _resp(b"PUBLISH", DASHBOARDS.encode(), payload)

    def command(self, device: str, command_id: bytes) -> bytes:
        return _resp(b"PUBLISH", device.encode(), b"C%bC" % command_id)

    def result(self, token: bytes) -> bytes:
        return _resp(b"PUBLISH", caller_of(token).encode(), b"C%bC" % token)


def _resp(*words: bytes) -> bytes:
    parts = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%b" % (len(words), parts)


class Mqtt(_Plain):
    """MQTT 3.1.1, quality of service 0."""

    _clients = 0

    async def open(self, port: int) -> Tap:
        Mqtt._clients += 1
        tap = await connect(port)
        name = f"bench{Mqtt._clients}".encode()
        tap.write(_mqtt(0x10, _text(b"MQTT") + b"\x04\x02\x00\x3c" + _text(name)))
        await tap.exactly(4)
        return tap

    async def join(self, tap: Tap, room: str) -> None:
        tap.write(_mqtt(0x82, b"\x00\x01" + _text(room.encode()) + b"\x00"))
        await tap.exactly(5)

    def publish(self, payload: bytes) -> bytes:
        return _mqtt(0x30, _text(DASHBOARDS.encode()) + payload)

    def command(self, device: str, command_id: bytes) -> bytes:
        return _mqtt(0x30, _text(device.encode()) + b"C%bC" % command_id)

    def result(self, token: bytes) -> bytes:
        return _mqtt(0x30, _text(caller_of(token).encode()) + b"C%bC" % token)


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def _mqtt(head: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes((head, *length)) + body
