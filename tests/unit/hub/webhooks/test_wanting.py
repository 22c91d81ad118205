"""Who wants which events."""

from hub.base.holding import Reach
from hub.queries.records import Comparison, Field
from hub.webhooks.wanting import EventWish, WantedEvents
from protocol.ids import DEFAULT_ORG, OrgId

OTHER = OrgId("other")
LABELLED = Comparison(Field("label", "line"), "has")


def wish(name: str, *kinds: str) -> EventWish:
    return EventWish(DEFAULT_ORG, name, frozenset(kinds), None)


def test_a_wish_is_found_by_organisation_and_kind() -> None:
    wanted = WantedEvents()
    one, two = wish("one", "scan"), wish("two", "scan", "print")
    wanted.put(DEFAULT_ORG, [one, two])
    assert wanted.wishes(DEFAULT_ORG, "scan") == [one, two]
    assert wanted.wishes(DEFAULT_ORG, "print") == [two]
    assert wanted.wishes(DEFAULT_ORG, "status") == ()
    assert wanted.wishes(OTHER, "scan") == ()


def test_what_is_wanted_is_replaced_as_a_whole() -> None:
    wanted = WantedEvents()
    wanted.put(DEFAULT_ORG, [wish("one", "scan")])
    wanted.put(DEFAULT_ORG, [wish("one", "print")])
    assert wanted.wishes(DEFAULT_ORG, "scan") == ()
    wanted.put(DEFAULT_ORG, [])
    wanted.put(OTHER, [])
    assert wanted.by_org == {}, "an organisation that wants nothing costs nothing"


def test_a_query_and_a_scope_choose_devices() -> None:
    kinds = frozenset({"scan"})
    assert not EventWish(DEFAULT_ORG, "w", kinds, None).chooses
    assert EventWish(DEFAULT_ORG, "w", kinds, LABELLED).chooses
    assert EventWish(DEFAULT_ORG, "w", kinds, None, (Reach(),)).chooses
