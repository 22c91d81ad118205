"""What somebody gives of a channel."""

import pytest

from hub.base.errors import Invalid
from hub.channels.records import SealedChannel, require_recipients


def test_addresses_of_mail() -> None:
    require_recipients(["a@example.org", "night+shift@plant-2.example.org"])
    for bad in (
        "nobody",
        "a@",
        "a b@example.org",
        "a@example.org\r\nBcc: b",
        "ä@example.org",
        "<a@b>",
    ):
        with pytest.raises(Invalid, match=r"to\[1\]"):
            require_recipients(["a@example.org", bad])


def test_what_is_sealed_is_not_shown() -> None:
    assert "whsec" not in repr(SealedChannel(secret="whsec_x", headers={"a": "whsec"}))
