"""Rows of the audit as messages of syslog, RFC 5424, framed for TLS, RFC 5425. Pure."""

import re
from typing import Any, Final

from hub.audit.chain import canonical

LOG_AUDIT: Final = 13
NOTICE: Final = 5
WARNING: Final = 4
"""What was refused, or failed."""
_NIL: Final = "-"
_NOT_SHOWN: Final = re.compile(r"[^\x21-\x7e]")


def frame_of(row: dict[str, Any], number: int | None, hash_: bytes | None, *, host: str) -> bytes:
    """One message and its length. `row` is what is hashed; as everywhere it is found in the
    message with its place in the chain."""
    place = {"number": _NIL if number is None else str(number)}
    if hash_ is not None:
        place["hash"] = hash_.hex()
    message = _header(row, host).encode() + b" " + canonical({**place, "row": row})
    return b"%d %b" % (len(message), message)


def _header(row: dict[str, Any], host: str) -> str:
    severity = NOTICE if row["outcome"] == "ok" else WARNING
    action = _shown(row["action"], 32)
    return (
        f"<{LOG_AUDIT * 8 + severity}>1 {row['at']} {_shown(host, 255)} longline {_NIL} "
        f"{action} {_NIL}"
    )


def _shown(text: str, most: int) -> str:
    """Printable ASCII without spaces, as headers have it."""
    return _NOT_SHOWN.sub("_", text)[:most] or _NIL
