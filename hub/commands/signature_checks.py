"""Checks the signatures of a call before anything is accepted, and has the audit hear of those that
do not count."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hub.audit.service import AuditService
from hub.base.errors import BadSignature, HubError
from hub.base.principal import Principal
from hub.commands.acceptance import Submission, SubmissionOutcome
from hub.commands.evidence import refused_entries
from hub.commands.requests import CommandRequest
from hub.commands.signed import SignatureJudge
from protocol.ids import CommandId, DeviceId
from protocol.trusted_keys import TrustedKeys

A_TURN: Final = 25
"""Checked before others have their turn: some 5 ms."""


class SignatureChecks:
    """`trusted` gives whose signatures count in a call, `clock` the database's time in seconds
    since 1970."""

    def __init__(
        self,
        trusted: Callable[[Principal], Awaitable[TrustedKeys]],
        audit: AuditService,
        clock: Callable[[], float],
    ) -> None:
        self._trusted = trusted
        self._audit = audit
        self._clock = clock

    async def faults(
        self, by: Principal, request: CommandRequest, named: Sequence[tuple[DeviceId, CommandId]]
    ) -> dict[DeviceId, HubError]:
        """Why they do not count; nothing for a call without any."""
        if not request.signatures:
            return {}
        keys = await self._trusted(by)
        judge = SignatureJudge(by.org, request.command, keys, self._clock())
        found: dict[DeviceId, HubError] = {}
        for number, (device_id, command_id) in enumerate(named, start=1):
            fault = judge.fault(device_id, command_id, request.signatures[device_id])
            if fault is not None:
                found[device_id] = fault
            if number % A_TURN == 0:
                await asyncio.sleep(0)
        return found

    async def note(self, by: Principal, submission: Submission, taken: SubmissionOutcome) -> None:
        """What was refused for its signature: not what was there before, and is joined."""
        refused = [
            new
            for new, outcome in zip(submission.commands, taken.outcomes, strict=True)
            if isinstance(outcome, BadSignature)
        ]
        if refused:
            targets = [new.device_id for new in refused]
            entries = refused_entries(by, f"command.{refused[0].type}", targets)
            await self._audit.note(*entries)
