"""A device in thirty lines. It needs Python and the package `websockets`, nothing of Longline.

LONGLINE_ENROLLMENT_KEY=… python device.py http://127.0.0.1:8080 my-device
"""

# ruff: noqa: S310, T201
import json
import os
import sys
import time
from urllib.request import Request, urlopen

from websockets.sync.client import connect

hub, device_id = sys.argv[1:3]
key = {"X-Enrollment-Key": os.environ["LONGLINE_ENROLLMENT_KEY"]}
enrol = Request(f"{hub}/api/v1/devices/{device_id}/token", method="POST", headers=key)
with urlopen(enrol) as answer:
    token = json.load(answer)["data"]["token"]

address = hub.replace("http", "ws", 1) + "/ws/device"
bearer = {"Authorization": f"Bearer {token}"}
with connect(address, additional_headers=bearer, compression=None, proxy=None) as line:
    while True:
        try:
            frame = json.loads(line.recv(timeout=10))
        except TimeoutError:
            frame = {"type": "nothing for ten seconds"}
        print(frame, flush=True)
        if "deadline" in frame:  # only commands have one
            of = {"commandId": frame["id"]}
            line.send(json.dumps({"type": "ack", **of}))
            done = {"success": True, "output": f"{frame['type']} done"}
            line.send(json.dumps({"type": "result", **of, **done}))
        elif frame["type"] in ("welcome", "nothing for ten seconds"):
            metrics = {"uptime": time.monotonic()}
            line.send(json.dumps({"type": "status", "status": "ONLINE", "metrics": metrics}))
