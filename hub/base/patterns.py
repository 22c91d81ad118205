"""Search by a part of a text, in SQL."""


def containing(text: str) -> str:
    """The LIKE pattern of whatever has `text` in it; `%` and `_` stand for themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
