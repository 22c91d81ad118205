import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.base64url import base64url, bytes_of


@given(st.binary(max_size=70))
def test_there_and_back(content: bytes) -> None:
    text = base64url(content)
    assert "=" not in text
    assert bytes_of(text) == bytes_of(text + "==") == content


@pytest.mark.parametrize("text", ["A", "é", "a b", "a.b"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the standard library says
        bytes_of(text)
