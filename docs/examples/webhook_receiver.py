"""Receives what a webhook delivers. SECRET=whsec_… PORT=8000 python webhook_receiver.py"""

# ruff: noqa: T201
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

seen: set[str] = set()  # in earnest: a unique column, in the transaction that uses the event


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            delivery = Webhook(os.environ["SECRET"]).verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(401)
            return
        for event in delivery["data"]:
            if event["id"] not in seen:  # the same may come twice
                seen.add(event["id"])
                print(event["type"], event.get("deviceId"), event, flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    place = os.environ.get("ADDRESS", ""), int(os.environ["PORT"])
    ThreadingHTTPServer(place, Receiver).serve_forever()
