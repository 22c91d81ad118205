"""Exits 0 when this container's hub is ready for requests."""

import http.client
import os
import sys

port = int(os.environ.get("LONGLINE_PORT", "8080"))
try:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    connection.request("GET", "/readyz")
    sys.exit(0 if connection.getresponse().status == http.client.OK else 1)
except OSError:
    sys.exit(1)
