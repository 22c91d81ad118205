"""Groups that a query names."""

import pytest

from hub.queries.groups import asks_for_group
from hub.queries.language import parse


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("group = boats", True),
        ("label.a = 1 and not group in (cars, g1)", True),
        ("group = cars", False),
        ('group ~ "boat*"', False),
        ("label.a = boats", False),
    ],
)
def test_a_query_names_a_group_by_its_name_or_its_id(query: str, *, named: bool) -> None:
    assert asks_for_group(parse(query), ("boats", "g1")) is named
