"""The sockets themselves: from a TCP connection to whole text messages, and back.

uvicorn accepts connections and serves HTTP; two classes of ours are plugged into it:

    uvicorn.Config(app, http=HttpProtocol, ws=connection_class(gate, pings))

`http.HttpProtocol` bounds the head of every request in bytes, lines and time. When a request is an
upgrade, uvicorn's hook makes a `connection.Connection`, replays the request's bytes to it and makes
it the transport's protocol; from then on no code of uvicorn runs for this socket.

`handshake` checks the request and builds the answer. Between the two, the *gate* (whoever wires
the hub hands it in) says who may come in: it returns the *handler* that will talk on this
connection, or a refusal, or something to await; `handler` has both as protocols. `framing` turns
bytes into messages and messages into bytes. `connection` joins the three: it feeds what arrives to
the parser, calls the handler synchronously for each message, and writes what the handler sends to
the transport directly. There is no task and no queue per connection, and nothing of the handshake
stays in memory after it.

`pings` has one timer for all connections. It finds the dead (pinged, and not a byte since) and the
stalled (bytes to write, and no progress).

`framing`, `handshake` and the deciding half of `pings` are pure: bytes and times in, decisions out.
Faults of the peer never raise; they become close codes of `protocol/closing.py`. Faults of a
handler are logged and close 1011. This package imports `protocol` and nothing else of ours: what
the sockets are for is not known here.
"""
