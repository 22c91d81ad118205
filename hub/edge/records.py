"""What becomes of the records of one call of `POST /sync`. Pure.

Each is judged by itself: one that does not validate is refused with its reason, and the others are
kept. An id that is there already, or that comes twice in one call, is accepted again when the
content is the same, and a conflict when it is not. A device hands in records of its own company
only: what was taken already stays accepted when it moves to another."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from protocol.codec import command_id_of, decode
from protocol.edge import EdgeRecord, Refusal, SyncAnswer, digest
from protocol.errors import InvalidMessage

_record: Final = msgspec.json.Decoder(EdgeRecord)


class Judged(Struct, frozen=True):
    """A record that validates, and the digest of its content."""

    record: EdgeRecord
    digest: bytes


class Intake(Struct, frozen=True):
    """What to write, and what to answer once that is committed."""

    new: list[Judged]
    answer: SyncAnswer


def judge(raw: Raw) -> Judged | Refusal:
    content = bytes(raw)
    try:
        record = decode(_record, content)
    except InvalidMessage as error:
        where = f"{error.field}: " if error.field else ""
        return Refusal(command_id_of(content) or "", "invalid", where + error.message)
    return Judged(record, digest(record))


def decide(
    judged: Sequence[Judged | Refusal], existing: Mapping[str, bytes], company: str | None
) -> Intake:
    """`existing`: the digests of those ids of the device that are there; `company`: its own."""
    known = dict(existing)
    new: list[Judged] = []
    accepted: dict[str, None] = {}
    refused: list[Refusal] = []
    for each in judged:
        if isinstance(each, Refusal):
            refused.append(each)
            continue
        ident = each.record.id
        if ident not in known and each.record.company_id != company:
            refused.append(Refusal(ident, "forbidden", _whose(company)))
            continue
        if ident not in known:
            known[ident] = each.digest
            new.append(each)
        if known[ident] == each.digest:
            accepted[ident] = None
        else:
            refused.append(Refusal(ident, "conflict", "this id was used for other content"))
    return Intake(new, SyncAnswer(list(accepted), refused))


def _whose(company: str | None) -> str:
    return "the device belongs to " + (f"company {company}" if company else "no company")
