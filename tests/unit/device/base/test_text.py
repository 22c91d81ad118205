from hypothesis import given
from hypothesis import strategies as st

from device.base import text
from protocol.codec import encode


@given(st.text(), st.integers(0, 50))
def test_cut_text_fits_and_is_a_beginning(value: str, limit: int) -> None:
    whole = text.clean(value)
    kept = text.cut(whole, limit)
    assert whole.startswith(kept)
    assert len(encode([kept])) - 4 <= limit
    assert kept == whole or text.encoded_length(whole[: len(kept) + 1]) > limit


@given(st.text(), st.integers(0, 50))
def test_an_ending_fits_and_is_the_longest(value: str, limit: int) -> None:
    whole = text.clean(value)
    kept = text.ending(whole, limit)
    assert whole.endswith(kept)
    assert text.encoded_length(kept) <= limit
    longer = whole[len(whole) - len(kept) - 1 :]
    assert kept == whole or text.encoded_length(longer) > limit


def test_what_no_frame_may_carry_is_replaced() -> None:
    assert text.clean("a\0\ud800b") == "a\N{REPLACEMENT CHARACTER}?b"
    assert text.decode(b"a\xff\0") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert text.log_line("line\r\n") == "line"
    assert len(text.log_line("\N{EURO SIGN}" * 9000).encode()) == 8190
