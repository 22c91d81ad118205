"""The hub: one replica is one process, one event loop, one identity.

The folders are capabilities and stand on each other like floors; a folder imports only downwards:
firmware > config groups > commands > lines > devices > accounts > audit telemetry > web socket
> base. `app` makes everything and hands it in; `routes` is the table of paths.
"""
