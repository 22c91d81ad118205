"""A tree as people are shown it."""

from hub.queries.explaining import shown
from hub.queries.language import parse


def test_a_tree_is_shown_with_its_parts() -> None:
    text = "not label.line = 3 and (lastSeen < now - 1m or createdAt > 2026-01-01T00:00:00Z)"
    assert shown(parse(text)) == {
        "operator": "and",
        "parts": [
            {
                "operator": "not",
                "parts": [{"field": "label.line", "operator": "=", "values": ["3"]}],
            },
            {
                "operator": "or",
                "parts": [
                    {"field": "lastSeen", "operator": "<", "values": [{"secondsFromNow": -60}]},
                    {
                        "field": "createdAt",
                        "operator": ">",
                        "values": ["2026-01-01T00:00:00.000Z"],
                    },
                ],
            },
        ],
    }
