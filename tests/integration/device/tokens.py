"""A device with a broker, and its issuer, at one desk."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.integration.device.agents import Bench, eventually
from tests.integration.device.local_program import local_program
from tests.issuer import RELEASE_PATH, SECRET, Issuer, stand_in_issuer

GROUP = "nogroup"


class Desk:
    def __init__(self, bench: Bench, issuer: Issuer) -> None:
        self.bench = bench
        self.issuer = issuer
        self.tokens = bench.directory / "tokens"
        self.credentials = bench.directory / "credentials"

    def client(self, name: str, **files: str) -> str:
        """Make its credentials."""
        place = self.credentials / name
        place.mkdir(parents=True)
        for file, text in {"client_id": name, "client_secret": SECRET, **files}.items():
            (place / file).write_text(f"{text}\n")
            (place / file).chmod(0o600)
        return name

    def settings(self, clients: str, more: str = "") -> str:
        """`clients` and `more` are TOML."""
        return (
            f'[broker]\nissuer = "{self.issuer.issuer}"\ngroup = "{GROUP}"\n'
            f'credentials_dir = "{self.credentials}"\ntokens_dir = "{self.tokens}"\n'
            f"clients = {clients}\n{more}"
        )

    def released_by(self, own: str) -> str:
        return f'release_token_url = "{self.issuer.url}{RELEASE_PATH}"\nown = "{own}"\n'

    def file(self, name: str) -> Path:
        return self.tokens / name / "access_token"

    def token(self, name: str) -> str | None:
        """As a program reads it."""
        try:
            return self.file(name).read_text()
        except FileNotFoundError:
            return None

    async def has(self, name: str) -> str:
        """Wait until there is a token that is good."""
        await eventually(lambda: self.issuer.is_good(self.token(name) or ""))
        return self.token(name) or ""

    async def info(self) -> dict[str, Any]:
        async with local_program(self.bench.socket) as program:
            return await program.ask({"type": "info"})

    def notes(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.tokens / ".longline.json").read_text())
        return found


@asynccontextmanager
async def desk_with(bench: Bench) -> AsyncGenerator[Desk]:
    async with stand_in_issuer() as issuer:
        yield Desk(bench, issuer)
