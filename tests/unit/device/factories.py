"""Commands and what comes of them, valid by default."""

from typing import Any

from device.commands.book import Book, BookEffect, Mark, Run, Send, WriteJournal
from protocol.commands import UpdateFirmware
from protocol.ids import CommandId
from protocol.replies import Ack, Progress, Result, ResultError


def make_result(command_id: str = "c1") -> Result:
    return Result(command_id=CommandId(command_id), success=True, output="done")


def sent(effects: list[BookEffect]) -> list[Ack | Progress | Result]:
    return [effect.frame for effect in effects if isinstance(effect, Send)]


def runs(effects: list[BookEffect]) -> list[str]:
    return [effect.id for effect in effects if isinstance(effect, Run)]


def marks(effects: list[BookEffect]) -> list[Mark]:
    return [effect.mark for effect in effects if isinstance(effect, WriteJournal)]


def recorded(book: Book, effects: list[BookEffect], now: float = 0.0) -> list[BookEffect]:
    """All effects once every record, and what follows from it, is on disk."""
    done: list[BookEffect] = []
    todo = list(effects)
    while todo:
        effect = todo.pop(0)
        done.append(effect)
        if isinstance(effect, WriteJournal):
            todo = book.recorded(effect.mark, now) + todo
    return done


def error_of(result: object) -> ResultError:
    assert isinstance(result, Result)
    assert result.error is not None
    return result.error


def make_update(**changes: Any) -> UpdateFirmware:
    fields: dict[str, Any] = {
        "release_id": "r", "version": "2", "url": "/api/v1/firmware/releases/r/artifact",
        "sha256": "a" * 64, "size": 1000,
    }  # fmt: skip
    return UpdateFirmware(**{**fields, **changes})
