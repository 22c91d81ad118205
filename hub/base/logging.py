"""Structured logs: events with fields, as JSON in production. Tokens are redacted wherever they
turn up, whoever wrote the line."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_SECRET: Final = re.compile(
    r"(?i)(bearer\s+|[?&](?:token|ticket)=)[^\s&\"']+|\bll_[\w-]{20,}|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
)
LONGEST_FIELD: Final = 256
"""Characters of a field that a peer fills."""
MOST_OF_ANY_FIELD: Final = 2048
"""Whoever fills it, but for our own tracebacks."""
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def redact(text: str) -> str:
    """`text` without bearer tokens, query tokens, JWTs and API keys."""
    return _SECRET.sub(lambda found: (found.group(1) or "") + "[redacted]", text)


def shortened(text: str, most: int = LONGEST_FIELD) -> str:
    """What a peer chose, cut to what a line may hold."""
    return text if len(text) <= most else text[:most] + "…"


class Sample:
    """So many lines a second of what costs its cause nothing; the next that is written says how
    many were not."""

    def __init__(self, *, per_second: int) -> None:
        self._per_second = per_second
        self._since = float("-inf")
        self._written = 0
        self._omitted = 0

    def take(self, now: float) -> int | None:
        """How many were left out before this one, which is written; None when it is left out."""
        if now - self._since >= 1:
            self._since, self._written = now, 0
        if self._written >= self._per_second:
            self._omitted += 1
            return None
        self._written += 1
        omitted, self._omitted = self._omitted, 0
        return omitted


def redact_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str) and len(value) > 15:
            text = redact(value)
            event[name] = text if name == "exception" else shortened(text, MOST_OF_ANY_FIELD)
    return event


def configure(*, level: str, form: str) -> None:
    """`form` is `json` or `console`. Everything goes to stderr, other libraries' logs too."""
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_fields,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=max(_LEVELS[level], logging.WARNING), force=True)
    # Its pool says for itself, many times a second, what each caller is told and logs.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
