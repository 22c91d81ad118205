"""Looks at rules by time: one replica does, every two seconds.

What time alone changes (a device is offline, something is absent, it has been so, or over, for
long enough), and what follows from changes elsewhere: a device left, an owner is gone, a rule was
changed while another transaction raised something by it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import structlog

from hub.base import metrics
from hub.base.database import Connection
from hub.base.errors import Unavailable
from hub.rules.judging import RuleVerdict, WatchSignal, lived_before, passed
from hub.rules.keeping import RuleKeeper, grain_of
from hub.rules.raising import ONE, OVER, Raising
from hub.rules.records import AbsentCondition, OfflineCondition
from hub.rules.store import AT_ONCE, RuleStore, WantedDevices
from hub.rules.suspending import RuleSuspending
from hub.rules.watching import WatchedRule, WatchKey
from protocol.ids import DeviceId

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 2.0
MERCY: Final = timedelta(seconds=30)
"""After the hub was away, or a replica drained, devices find back."""
LONG_GAP: Final = timedelta(seconds=20)
"""Between two sweeps although a replica lived: the database stood still, or its clock was set."""
DEADLINE: Final = 10.0
Away = Sequence[tuple[datetime, datetime]]


class RuleSweep:
    def __init__(
        self,
        store: RuleStore,
        keeper: RuleKeeper,
        raising: Raising,
        suspending: RuleSuspending,
        *,
        drain_seconds: float,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._raising = raising
        self._suspending = suspending
        self._drain = timedelta(seconds=drain_seconds)

    async def look(self) -> None:
        """A job, of one replica. Raises `Unavailable`, also for a single rule, when it has looked
        at the others."""
        with metrics.rule_sweep_seconds.time():
            now, away = await self._time()
            failure: Unavailable | None = None
            for rule in chain.from_iterable(self._keeper.rules().values()):
                try:
                    await self._look_at(rule, now, away)
                except Unavailable as error:
                    log.warning("rule_not_looked_at", rule=rule.rule_id, error=error.detail)
                    failure = error
            async with self._store.database.transaction(deadline=DEADLINE) as connection:
                await self._raising.tell(connection, await self._store.resolve_changed(connection))
            await self._suspending.look()
            if failure is not None:
                raise failure

    async def _time(self) -> tuple[datetime, Away]:
        """The present moment, and when the hub was away: noted with the beat, or neither is."""
        store = self._store
        async with store.database.transaction(deadline=DEADLINE) as connection:
            now, before, lived = await store.beat(connection)
            if before is not None:
                if not lived:
                    await store.add_away(connection, before, now + MERCY)
                elif now - before > LONG_GAP:
                    await store.add_away(connection, before, now)
                for ended_at in await store.drained(connection, before):
                    await store.add_away(connection, ended_at - self._drain, ended_at + MERCY)
            return now, await store.away(connection)

    async def _look_at(self, rule: WatchedRule, now: datetime, away: Away) -> None:
        """A rule that fails harms itself alone."""
        try:
            await self._leave(rule)
            await self._pass_time(rule)
            match rule.terms.condition:
                case OfflineCondition():
                    ended = lived_before(now, rule.terms.for_seconds, away)
                    await self._raise(rule, WantedDevices(line_ended=ended))
                    await self._back(rule)
                case AbsentCondition():
                    await self._wait_for_new(rule)
                    seconds = rule.terms.for_seconds + grain_of(rule)
                    silent = lived_before(now, seconds, away)
                    await self._raise(rule, WantedDevices(no_sign_since=silent))
                case _:
                    pass
        except Unavailable:
            raise
        except Exception:
            log.exception("rule_sweep_failed", rule=rule.rule_id)

    async def _leave(self, rule: WatchedRule) -> None:
        """Devices that the rule is not about any more."""
        async with self._store.database.transaction(deadline=DEADLINE) as connection:
            watched = await self._store.watched(connection, rule)
            if not watched:
                return
            still = await self._store.matching(connection, rule, watched, may_raise=False)
            if (rule.org, rule.rule_id) in await self._store.current(connection, [rule]):
                await self._raising.end(connection, rule, list(watched - still), "left")

    async def _pass_time(self, rule: WatchedRule) -> None:
        async with self._store.database.transaction(deadline=DEADLINE) as connection:
            due = [
                device_id
                for device_id, state, now in await self._store.timed(connection, rule)
                if passed(state, rule.terms, now) is not None
            ]
        for some in _parts(due):
            async with self._store.database.transaction(deadline=DEADLINE) as connection:
                if (rule.org, rule.rule_id) in await self._store.current(connection, [rule]):
                    await self._passed(connection, rule, some)

    async def _passed(
        self, connection: Connection, rule: WatchedRule, device_ids: Sequence[DeviceId]
    ) -> None:
        verdicts: dict[WatchKey, RuleVerdict] = {}
        states = await self._store.begin(connection, [(rule, each) for each in device_ids])
        for key, (state, now) in states.items():
            verdicts[key] = passed(state, rule.terms, now) or RuleVerdict(state)
        opening = [device_id for (_, device_id), each in verdicts.items() if each.opens]
        if opening:
            may = await self._store.matching(connection, rule, opening, may_raise=True)
            verdicts |= {(rule, each): RuleVerdict(None) for each in opening if each not in may}
        await self._raising.pass_time(connection, verdicts)

    async def _wait_for_new(self, rule: WatchedRule) -> None:
        """Devices that the rule has come to be about. One that is younger than it is waited for
        from its first event."""
        async with self._store.database.transaction(deadline=DEADLINE) as connection:
            wanted = WantedDevices(unseen_from=rule.since)
            new = await self._store.candidates(connection, rule, wanted)
        for some in _parts(sorted(new)):
            async with self._store.database.transaction(deadline=DEADLINE) as connection:
                if (rule.org, rule.rule_id) in await self._store.current(connection, [rule]):
                    await self._store.wait_for(connection, rule, some)

    async def _raise(self, rule: WatchedRule, wanted: WantedDevices) -> None:
        async with self._store.database.transaction(deadline=DEADLINE) as connection:
            found = await self._store.candidates(connection, rule, wanted)
            new = found - await self._store.firing(connection, rule) if found else found
        await self._say(rule, new, ONE)

    async def _back(self, rule: WatchedRule) -> None:
        """Devices that have a line again."""
        async with self._store.database.transaction(deadline=DEADLINE) as connection:
            firing = await self._store.firing(connection, rule)
            if not firing:
                return
            back = await self._store.present(connection, rule.org, firing)
        await self._say(rule, back, OVER)

    async def _say(
        self, rule: WatchedRule, device_ids: Collection[DeviceId], signal: WatchSignal
    ) -> None:
        for some in _parts(sorted(device_ids)):
            async with self._store.database.transaction(deadline=DEADLINE) as connection:
                await self._raising.apply(connection, {(rule, each): [signal] for each in some})


def _parts(device_ids: Sequence[DeviceId]) -> list[Sequence[DeviceId]]:
    return [device_ids[first : first + AT_ONCE] for first in range(0, len(device_ids), AT_ONCE)]
