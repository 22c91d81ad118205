"""A server of files on loopback, that remembers what it was asked."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Asked = list[tuple[str, str | None]]
"""Each path, with the credential that came along."""


class FileServer(ThreadingHTTPServer):
    def __init__(self, folder: Path) -> None:
        self.asked: Asked = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, self.asked, directory=str(folder)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, asked: Asked, *arguments: Any, directory: str) -> None:
        self._asked = asked
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        self._asked.append((self.path, self.headers.get("Authorization")))
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def file_server(folder: Path) -> Generator[FileServer]:
    with FileServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
