from hypothesis import given
from hypothesis import strategies as st

from device.base.output import Capture, excerpt, is_longer
from device.base.text import encoded_length


def written(*chunks: bytes, limit: int = 100):
    capture = Capture(limit)
    for chunk in chunks:
        capture.take(chunk)
    return capture.written()


def test_short_output_is_whole() -> None:
    found = written(b"a\n", b"b\n")
    assert excerpt(found, 100, failed=False) == "a\nb\n"
    assert not is_longer(found, 100)


def test_long_output_keeps_both_ends_and_counts_the_rest() -> None:
    lines = b"".join(b"%03d\n" % number for number in range(1000))
    for chunks in ([lines], [lines[n : n + 7] for n in range(0, len(lines), 7)]):
        text = excerpt(written(*chunks), 100, failed=False)
        begin, mark, end = text.partition("\n[… ")
        assert text.startswith("000\n001\n")
        assert text.endswith("998\n999\n")
        left_out = int(end.split()[0])
        kept = len(begin) + len(end.partition("…]\n")[2])
        assert mark
        assert left_out + kept == len(lines)
        assert encoded_length(text) <= 100


def test_of_a_failure_most_is_the_end() -> None:
    found = written(b"a" * 150 + b"z" * 150)
    text = excerpt(found, 100, failed=True)
    assert text.count("z") > 5 * text.count("a") > 0
    even = excerpt(found, 100, failed=False)
    assert abs(even.count("z") - even.count("a")) <= 1


def test_what_is_whole_but_long_in_json_is_cut_too() -> None:
    found = written(b"\1" * 90)
    assert not found.left_out
    assert is_longer(found, 100)
    assert encoded_length(excerpt(found, 100, failed=False)) <= 100


@given(st.binary(), st.integers(1, 60), st.integers(0, 90), st.booleans())
def test_an_excerpt_fits(raw: bytes, limit: int, room: int, failed: bool) -> None:
    found = written(raw, limit=limit)
    text = excerpt(found, room, failed=failed)
    assert encoded_length(text) <= room
    assert is_longer(found, room) or text == raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def test_somebody_may_look_at_all_of_it() -> None:
    seen: list[bytes] = []
    capture = Capture(1, seen.append)
    capture.take(b"abc")
    capture.take(b"def")
    assert seen == [b"abc", b"def"]


def test_what_is_kept_has_no_secret_in_it() -> None:
    seen: list[bytes] = []
    capture = Capture(100, seen.append, ["hunter2-and-more"])
    for chunk in (b"a hunter2-", b"and-more b ", b"hunt"):
        capture.take(chunk)
    assert excerpt(capture.written(), 100, failed=False) == "a [secret] b hunt"
    assert b"".join(seen) == b"a [secret] b hunt"
