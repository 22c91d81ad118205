"""A short chaos run with a fixed seed: the checker finds nothing. `scripts/chaos` runs longer ones,
and other seeds."""

import subprocess
import sys

import pytest

from tests.acceptance.up import environment

SEED = 1450
SECONDS = 300


@pytest.mark.parametrize("seed", [SEED])
def test_a_short_run_breaks_no_promise(seed: int) -> None:
    argv = [sys.executable, "-m", "tests.acceptance.chaos.run", "--short", "--seed", str(seed)]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=SECONDS, env=environment(), check=False
    )
    said = done.stdout.splitlines()

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert said[0] == f"seed {seed}"
    assert said[-1].startswith(f"seed {seed}: commands ")
    assert said[-1].endswith("violations 0")
