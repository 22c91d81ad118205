"""A short chaos run with a fixed seed: the checker finds nothing. `scripts/chaos` runs longer ones,
and other seeds."""

import subprocess
import sys

from tests.acceptance.chaos.steps import STEPS
from tests.acceptance.up import environment

SEED = 1450
SECONDS = 300


def run(*options: str) -> str:
    """Its last line."""
    argv = [sys.executable, "-m", "tests.acceptance.chaos.run", "--seed", str(SEED), *options]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=SECONDS, env=environment(), check=False
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert said[0] == f"seed {SEED}"
    assert said[-1].startswith(f"seed {SEED}: commands ")
    assert said[-1].endswith("violations 0")
    return said[-1]


def test_a_short_run_breaks_no_promise() -> None:
    run("--short")


def test_a_replica_that_is_killed_at_any_step_breaks_no_promise() -> None:
    assert f"killed at {len(STEPS)} steps" in run("--steps")
