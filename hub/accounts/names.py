"""Which user names there can be: RFC 8265, UsernameCaseMapped, in one script.

The profile makes names that look alike but for case and width the same name, and refuses what
cannot be seen. It allows letters of several scripts in one name; we do not, because a Cyrillic
letter may look like a Latin one.
"""

from typing import Final

from precis_i18n import get_profile

from hub.base.errors import invalid
from hub.base.visible import mixes_alike

LONGEST: Final = 128
_PROFILE: Final = get_profile("UsernameCaseMapped")


def username_of(text: str) -> str:
    """The name as it is stored and compared. Raises `Invalid`."""
    try:
        name = _PROFILE.enforce(text)
    except UnicodeEncodeError as error:
        raise invalid("username", f"cannot be a user name ({_reason(error)})") from None
    if not 1 <= len(name) <= LONGEST:
        raise invalid("username", f"must have 1 to {LONGEST} characters")
    if mixes_alike(name):
        raise invalid("username", "mixes look-alike letters of different scripts")
    return name


def _reason(error: UnicodeEncodeError) -> str:
    return error.reason.rpartition("/")[2].replace("_", " ")
