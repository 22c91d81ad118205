"""Carries out what rules make of devices: in the transaction that stores their events, or in one of
the sweep's own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from hub.alerts.service import Alert, AlertService
from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.rules.judging import RuleVerdict, WatchSignal, WatchState, is_idle, judged
from hub.rules.records import message_of
from hub.rules.store import NewAlert, RuleStore
from hub.rules.watching import Signals, WatchedRule, WatchKey
from protocol.ids import DeviceId

ONE: Final = WatchSignal(1)
OVER: Final = WatchSignal(0)


class Notifier(Protocol):
    """Tells people."""

    async def queue(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        """Of these, which fire from now on, in the transaction of this connection."""
        ...


class Raising:
    def __init__(self, store: RuleStore, alerts: AlertService, notifier: Notifier) -> None:
        self._store = store
        self._alerts = alerts
        self._notifier = notifier

    async def take(self, connection: Connection, signals: Signals) -> Collection[WatchKey]:
        """What events say: what changes nothing is left out before anything is locked. Of which
        something is noted."""
        states = await self._store.states(connection, signals)
        wanted = {
            key: said
            for key, said in signals.items()
            if len(said) > 1 or not is_idle(states.get(key), said[0], key[0].terms)
        }
        return await self.apply(connection, await self._concerned(connection, wanted, states))

    async def _concerned(
        self, connection: Connection, signals: Signals, states: Mapping[WatchKey, WatchState]
    ) -> Signals:
        """Of a device that a rule is not about, or may raise nothing of, only what ends something,
        and what an alert counts that fires."""
        asked = {
            key: said
            for key, said in signals.items()
            if key not in states or (not states[key].is_open and any(s.matches for s in said))
        }
        may = await self._may_raise(connection, asked)
        found: Signals = {}
        for key, said in signals.items():
            if key not in asked or key in may:
                found[key] = said
            elif key in states and (over := [each for each in said if not each.matches]):
                found[key] = over
        return found

    async def _may_raise(self, connection: Connection, keys: Iterable[WatchKey]) -> set[WatchKey]:
        """Those of devices that a rule is about, and may raise something of."""
        of_rule: dict[WatchedRule, set[DeviceId]] = {}
        for rule, device_id in keys:
            of_rule.setdefault(rule, set()).add(device_id)
        return {
            (rule, each)
            for rule, devices in of_rule.items()
            for each in await self._store.matching(connection, rule, devices, may_raise=True)
        }

    async def apply(self, connection: Connection, signals: Signals) -> Collection[WatchKey]:
        """What these say, of devices that rules are about; nothing by a rule that has changed. Of
        which something is noted."""
        if not signals:
            return ()
        rules = {rule for rule, _ in signals}
        current = await self._store.current(connection, rules)
        signals = {k: v for k, v in signals.items() if (k[0].org, k[0].rule_id) in current}
        if not signals:
            return ()
        states = await self._store.begin(connection, signals)
        verdicts = {
            key: judged(state, signals[key], key[0].terms, now)
            for key, (state, now) in states.items()
        }
        await self._carry_out(connection, verdicts)
        return verdicts.keys()

    async def pass_time(
        self, connection: Connection, verdicts: Mapping[WatchKey, RuleVerdict]
    ) -> None:
        await self._carry_out(connection, {key: [each] for key, each in verdicts.items()})

    async def end(
        self, connection: Connection, rule: WatchedRule, devices: Sequence[str], because: str
    ) -> None:
        """What fires of these is over, and what is noted of them counts no more."""
        if not devices:
            return
        keys = [(rule, DeviceId(each)) for each in devices]
        await self._store.begin(connection, keys)
        await self._store.put_states(connection, dict.fromkeys(keys))
        await self.tell(connection, await self._store.resolve(connection, keys, because))

    async def tell(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        """Those that keep events and dashboards of what has become of these."""
        await self._alerts.tell(connection, alerts)
        opened = sum(each.because is None for each in alerts)
        after_commit(lambda: _count(opened, len(alerts) - opened))

    async def _carry_out(
        self, connection: Connection, verdicts: Mapping[WatchKey, Sequence[RuleVerdict]]
    ) -> None:
        """Round by round: a statement is about each device once. Of what opens again and again
        people are told of the last only."""
        fired: dict[tuple[str, str | None, str | None], Alert] = {}
        for number in range(max(map(len, verdicts.values()), default=0)):
            round_ = {key: some[number] for key, some in verdicts.items() if number < len(some)}
            for each in await self._round(connection, round_):
                fired[each.org, each.rule, each.device_id] = each
        if fired:
            await self._notifier.queue(connection, list(fired.values()))
        last: dict[WatchKey, WatchState | None] = {
            key: some[-1].state for key, some in verdicts.items()
        }
        await self._store.put_states(connection, last)

    async def _round(
        self, connection: Connection, verdicts: Mapping[WatchKey, RuleVerdict]
    ) -> Sequence[Alert]:
        """Those that fire from now on."""
        opens = [_new(key, each) for key, each in verdicts.items() if each.opens]
        counts = {
            key: (each.counts, None if each.state is None else each.state.value)
            for key, each in verdicts.items()
            if each.counts
        }
        over = [key for key, each in verdicts.items() if each.resolves]
        fired = await self._store.open(connection, opens) if opens else []
        if counts:
            await self._store.count_up(connection, counts)
        ended = await self._store.resolve(connection, over, "cleared") if over else []
        if fired or ended:
            await self.tell(connection, [*fired, *ended])
        return fired


def _new(key: WatchKey, verdict: RuleVerdict) -> NewAlert:
    terms = key[0].terms
    value = None if verdict.state is None else verdict.state.value
    message = message_of(terms.condition, terms.for_seconds, value)
    return NewAlert(key=key, message=message, value=value, count=verdict.opens)


def _count(opened: int, ended: int) -> None:
    metrics.alerts.labels("opened").inc(opened)
    metrics.alerts.labels("ended").inc(ended)
