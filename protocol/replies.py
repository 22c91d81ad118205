"""What a device says about a command: `ack`, `progress`, `result`."""

from typing import Annotated, Any, Literal, TypedDict, assert_never

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.ids import CommandIdField
from protocol.lifecycle import LifecycleEvent

Outcome = Literal["unknown", "rejected", "cancelled"]


class ReplyBase(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    command_id: CommandIdField


class Ack(ReplyBase, frozen=True, tag="ack"):
    """Journaled, will run."""


class Progress(ReplyBase, frozen=True, tag="progress"):
    percent: Annotated[int, Meta(ge=0, le=100)] | Annotated[float, Meta(ge=0, le=100)] | None = None
    stage: Annotated[str, Meta(max_length=128)] | UnsetType | None = UNSET
    message: Annotated[str, Meta(max_length=4096)] | UnsetType | None = UNSET


class ResultError(Struct, frozen=True, kw_only=True):
    """Why a command did not succeed. The code is the device's own, or one of the hub's."""

    code: Annotated[str, Meta(max_length=128)]
    message: Annotated[str, Meta(max_length=4096)] = ""


class ErrorObject(TypedDict):
    """Why a command did not succeed, as records keep it."""

    code: str
    message: str


class Result(ReplyBase, frozen=True, tag="result"):
    """Terminal; repeated until `result_ack`. `outcome` counts only when `success` is false."""

    success: bool
    output: str | None = None
    data: dict[str, Any] | None = None
    error: ResultError | None = None
    outcome: Outcome | None = None


Reply = Ack | Progress | Result


def event_of(reply: Reply) -> LifecycleEvent:
    """The step of the life cycle that `reply` asks for."""
    match reply:
        case Ack():
            return LifecycleEvent.ACK
        case Progress():
            return LifecycleEvent.PROGRESS
        case Result(success=True):
            return LifecycleEvent.SUCCEED
        case Result(outcome="unknown"):
            return LifecycleEvent.LOSE
        case Result(outcome="rejected"):
            return LifecycleEvent.REJECT
        case Result(outcome="cancelled"):
            return LifecycleEvent.CANCEL
        case Result():
            return LifecycleEvent.FAIL
        case _:
            assert_never(reply)
