"""Nothing happens that the document does not say; longer: `python -m tests.acceptance.contract`."""

import random
from pathlib import Path

from tests.acceptance.contract import Fuzz
from tests.acceptance.hub.process import HubProcess


def test_every_operation_answers_every_caller_as_the_document_says(tmp_path: Path) -> None:
    seed = random.randrange(10**6)  # noqa: S311
    hub = HubProcess(tmp_path, request_rate="0", address_rate="0")
    hub.start()
    try:
        fuzz = Fuzz(hub, seed)
        fuzz.run(calls=3)
    finally:
        assert hub.stop() == 0
    assert fuzz.faults == [], f"seed {seed}"
    assert {200, 201, 400, 401, 403, 404} <= fuzz.answers.keys()
