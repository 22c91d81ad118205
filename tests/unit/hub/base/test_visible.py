import pytest

from hub.base.errors import Invalid
from hub.base.visible import require_visible


@pytest.mark.parametrize(
    "name", ["Line 4", "Füller №3", "ライン", "a  b", "🏭", "Линия A-4", "ライン A", "5 µm"]
)
def test_what_shows_what_it_is_is_a_name(name: str) -> None:
    assert require_visible(name, "name") == name


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\x00", "\u202eevil", "a\u200bb", "\ufeffa", "a\u2028b", "\x7f"]
)
def test_what_is_blank_or_hides_something_is_not(name: str) -> None:
    with pytest.raises(Invalid, match="name: "):
        require_visible(name, "name")


@pytest.mark.parametrize("name", ["\u0430dmin line", "Line_\u0391B", "x \u0440ay"])
def test_no_word_mixes_letters_that_look_alike(name: str) -> None:
    with pytest.raises(Invalid, match="name: mixes"):
        require_visible(name, "name")
