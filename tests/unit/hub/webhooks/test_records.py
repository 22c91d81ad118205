"""What somebody gives of a webhook."""

import pytest

from hub.base.errors import Invalid
from hub.webhooks.records import (
    BY_DEFAULT,
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    PRESENCE,
    Sealed,
    is_same_place,
    kinds_of,
    require_headers,
    with_headers,
)


def test_without_types_it_gets_what_matters() -> None:
    assert kinds_of(None) == BY_DEFAULT
    assert "status" not in BY_DEFAULT


def test_who_names_status_gets_all_of_it() -> None:
    assert kinds_of(["scan", "status"]) == {"scan", "status", PRESENCE}
    assert kinds_of(["scan"]) == {"scan"}


def test_headers_of_the_callers_own_are_taken() -> None:
    require_headers({})
    require_headers({"Authorization": "Bearer a b", "X-Empty": "", "x_!#$": "~"})
    require_headers({f"x-{n}": "a" for n in range(MOST_HEADERS)})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "a"}, {"CONTENT-length": "1"}, {"content-": "1"}, {"Webhook-Signature": "a"},
        {"connection": "close"}, {"Transfer-Encoding": "chunked"}, {"Proxy-Authorization": "a"},
        {"": "a"}, {"a b": "a"}, {"a:": "a"}, {"ä": "a"}, {"x" * 129: "a"}, {"x\n": "a"},
        {"x": "a\r\nb: c"}, {"x": "ä"}, {"x": " a"}, {"x": "a "}, {"x": "\0"},
        {"x-a": "1", "X-A": "2"}, {f"x-{n}": "a" for n in range(MOST_HEADERS + 1)},
        {"x": "a" * MOST_HEADER_BYTES},
    ],
)  # fmt: skip
def test_others_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        require_headers(headers)
    assert refused.value.errors[0].field.startswith("headers")


def test_who_has_read_the_names_only_may_give_them_back() -> None:
    former = {"a": "1", "b": "2"}
    given = {"a": "hidden", "c": "hidden", "b": "3"}
    found = with_headers(given, former, "hidden", same_place=True)
    assert found == {"a": "1", "c": "hidden", "b": "3"}
    assert with_headers(None, former, "hidden", same_place=True) == former
    assert with_headers({}, former, "hidden", same_place=True) == {}


def test_values_that_nobody_reads_are_not_sent_to_another_place() -> None:
    for given in (None, {"a": "hidden"}):
        with pytest.raises(Invalid):
            with_headers(given, {"a": "1"}, "hidden", same_place=False)
    assert with_headers({"a": "2"}, {"a": "1"}, "hidden", same_place=False) == {"a": "2"}
    assert with_headers(None, {}, "hidden", same_place=False) == {}


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://Hooks.example.org/other?x=1", True), ("http://hooks.example.org/", False),
        ("https://hooks.example.org:444/", False), ("https://example.org/", False),
    ],
)  # fmt: skip
def test_a_place_is_a_scheme_a_host_and_a_port(url: str, same: bool) -> None:
    assert is_same_place("https://hooks.example.org/a", url) is same


def test_what_nobody_reads_back_is_not_in_a_log() -> None:
    assert "whsec" not in repr(Sealed(secret="whsec_a", headers={"a": "whsec_b"}))
