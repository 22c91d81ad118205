"""A Caddy of Debian, as the user `caddy`, with the file that the agent writes for it."""

import asyncio
import contextlib
import os
import pwd
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

USER = "caddy"


def why_no_caddy() -> str | None:
    """Why a test cannot have one here; None when it can."""
    if shutil.which("caddy") is None:
        return "caddy is not installed (LONGLINE_TEST_INSTALL=1 installs it)"
    if os.geteuid() != 0:
        return "only root can become the user caddy"
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return "there is no user caddy"
    return None


class Caddy:
    """`directory` is for its user; `file` imports what the agent writes."""

    def __init__(self, directory: Path, admin_port: int) -> None:
        self.directory = directory
        self.admin = f"127.0.0.1:{admin_port}"
        self.written = directory / "longline" / "proxy.caddy"
        self.written.parent.mkdir(parents=True)
        self.log = directory / "caddy.log"
        self._file = directory / "Caddyfile"
        self._file.write_text(f"{{\n\tadmin {self.admin}\n}}\nimport longline/*.caddy\n")

    def settings(self) -> str:
        """Of the agent, as TOML."""
        reload = ["caddy", "reload", "--adapter", "caddyfile", "--address", self.admin]
        argv = ", ".join(f'"{part}"' for part in (*reload, "--config", str(self._file)))
        return f'[caddy]\nfile = "{self.written}"\nreload_argv = [{argv}]\n'

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        shutil.chown(home, USER)
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                "caddy", "run", "--adapter", "caddyfile", "--config", self._file,
                stderr=log, user=USER, group=pwd.getpwnam(USER).pw_gid, extra_groups=[],
                env={"HOME": str(home), "PATH": os.environ["PATH"]},
            )  # fmt: skip
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
