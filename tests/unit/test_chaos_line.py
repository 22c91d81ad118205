"""What a line of a chaos run notes by itself."""

import asyncio
from typing import Any, cast

from tests.acceptance.chaos.history import AnyFact, Noted
from tests.acceptance.chaos.line import Line


class Connection:
    async def send(self, _: str) -> None:
        pass


def test_an_event_that_is_sent_in_quarantine_and_acknowledged_is_a_violation() -> None:
    facts: list[AnyFact] = []
    line = Line("d", 1, cast("Any", Connection()), facts.append)
    asyncio.run(line.flush([("b", 1)]))
    line.told_of_quarantine()
    line.acked("b", 1)  # it was on its way
    assert not any(isinstance(fact, Noted) for fact in facts)
    asyncio.run(line.flush([("b", 1), ("b", 2)]))
    line.acked("b", 2)
    assert [fact.rule for fact in facts if isinstance(fact, Noted)] == ["quarantine"]
