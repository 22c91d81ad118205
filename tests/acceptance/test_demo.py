"""`longline demo`, as a visitor meets it."""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.up import LONGLINE, environment, family, gone, longline, until

CHECKED = ("login", "devices", "dispatch", "progress", "dashboard", "bulk", "refusal", "reboot")
SHORT_SECONDS = 10.0


def test_the_check_sees_one_of_everything() -> None:
    done = longline("demo", "--check", "--devices", "3")

    assert done.returncode == 0, done
    seen = json.loads(done.stdout)
    assert seen["ok"] is True
    assert set(CHECKED) <= set(seen)
    assert seen["bulk"] == {"devices": 4, "succeeded": 4}
    assert seen["refusal"] == {"status": 403, "code": "forbidden"}
    assert seen["reboot"] == {"status": "SUCCESS", "recorded": ["reboot"]}


class Demo:
    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def text(self) -> str:
        return self._output.read_text()

    @property
    def directory(self) -> Path:
        found = re.search(r"^  (/.*)/recorded.txt$", self.text, re.MULTILINE)
        assert found is not None, self.text
        return Path(found[1])


@contextmanager
def running(tmp_path: Path) -> Generator[Demo]:
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*LONGLINE, "demo", "--port", "0", "--devices", "2"],
            env=environment(), stdout=file, stderr=file,
        )  # fmt: skip
    demo = Demo(process, output)
    try:
        until(lambda: "Ctrl-C here ends all of it." in demo.text or process.poll() is not None)
        yield demo
    finally:
        process.kill()
        process.wait()


def test_its_lines_can_be_pasted_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        lines = re.findall(r"^  ((?:password=|api|token|hub|sleep).*)$", demo.text, re.MULTILINE)
        (watch,) = re.findall(r"^  (\S+ -m longline.watch .*)$", demo.text, re.MULTILINE)

        pasted = "\n".join([*lines, f"{watch} | head -n 2"])
        said = paste(pasted)

        results = [json.loads(line) for line in said.splitlines()]
        assert [result["data"]["status"] for result in results[:2]] == ["SUCCESS", "SUCCESS"]
        assert results[2]["data"], "no line of the agent's log"
        assert results[3]["type"] == "subscribed"
        assert len(results) == 5
        children, directory = family(demo.process.pid), demo.directory
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(SHORT_SECONDS) == 0
        assert gone(children, seconds=0.1)
        assert not directory.exists()


def paste(lines: str) -> str:
    if not has_curl_with_json():
        pytest.skip("needs curl 7.82, which has --json")
    done = subprocess.run(
        ["bash", "-c", lines], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done
    return done.stdout


def has_curl_with_json() -> bool:
    if shutil.which("curl") is None:
        return False
    said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"curl (\d+)\.(\d+)", said)
    return version is not None and (int(version[1]), int(version[2])) >= (7, 82)


def test_the_pages_that_it_names_are_there(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        console = re.search(r"Open (http://\S+) in a browser", demo.text)
        docs = re.search(r"(http://\S+/docs)", demo.text)
        assert console is not None, demo.text
        assert docs is not None, demo.text
        page = httpx.get(docs[1])
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        assert "<title>Longline" in httpx.get(console[1]).text


def test_kill_9_leaves_no_child(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        children = family(demo.process.pid)
        assert len(children) >= 4

        demo.process.kill()

        assert gone(children, seconds=SHORT_SECONDS)


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        found = re.search(r"Open http://127.0.0.1:(\d+)", demo.text)
        assert found is not None

        done = longline("demo", "--port", found[1])

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
