"""The walk of `test_walk` once more, at a hub whose statements do not ask for one organisation:
row-level security alone keeps them apart."""

from collections.abc import Generator

import pytest

from tests.acceptance.hub.conftest import Entrance
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_walk import (
    stranger,
    test_no_route_shows_or_changes_what_is_of_another_organisation,
    things,
)

__all__ = [
    "stranger",
    "test_no_route_shows_or_changes_what_is_of_another_organisation",
    "things",
]

CARELESS = r"""
import re, sys
import sql
ASKS = re.compile(r"\b(?:\w+\.)?org_id = [$]1\b")
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|LOCK)\b")
SHARED = {"settings"}  # read for all organisations, too
careful, changed = sql.queries, []

def careless(capability):
    found = dict(careful(capability))
    for name in sql.of_one_organisation(capability) - SHARED:
        if not WRITES.search(found[name]):
            loose = ASKS.sub("$1::text IS NOT NULL", found[name])
            changed.append(loose != found[name])
            found[name] = loose
    return found

sql.queries = careless
import hub.app
from longline.cli import main
assert sum(changed) > 30, sum(changed)
sys.exit(main())
"""
"""Takes the condition out of each statement that only reads, and runs in a transaction of one
organisation."""


class CarelessHub(HubProcess):
    program = ("-c", CARELESS)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = CarelessHub(tmp_path_factory.mktemp("careless"))
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def entrance(hub: HubProcess) -> Entrance:
    """Of this hub: that of all tests would show tokens of theirs."""
    return Entrance(hub.url)
