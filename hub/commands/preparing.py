"""A call before it is accepted: who may send what to which devices, on which terms."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, structs

from hub.audit.service import AuditService
from hub.base.errors import Forbidden, HubError, invalid
from hub.base.principal import Principal
from hub.commands.acceptance import Submission, SubmissionOutcome, refusal_of
from hub.commands.evidence import refused_entries
from hub.commands.records import CommandResult, refused_result
from hub.commands.requests import CommandRequest, GivenIds, submission_of
from hub.commands.rights import DispatchRights
from hub.commands.signature_checks import SignatureChecks
from hub.commands.signed import id_of_one, ids_of_many
from hub.own.service import OwnService, OwnTerms
from hub.rights.access import DANGEROUS
from hub.secrets.service import SecretService
from protocol.commands import Command, Custom, Danger, may_name_secrets, params_of, type_of
from protocol.ids import CommandId, DeviceId, OrgId, new_command_id, uuid7
from protocol.secret_values import filled, references_in


class PreparedCall(Struct, frozen=True):
    """A call that may be sent, as far as its caller goes."""

    request: CommandRequest
    submission: Submission
    batch_id: str | None = None
    is_dangerous: bool = False
    refused: Mapping[str, CommandResult] = {}
    """Targets to which it may not be sent."""


class Preparation:
    """`database_clock` gives seconds since 1970. `require_current_view` raises `Unavailable` when
    this replica may not know who has lost what right."""

    def __init__(
        self,
        audit: AuditService,
        own: OwnService,
        rights: DispatchRights,
        secrets: SecretService,
        signatures: SignatureChecks,
        *,
        require_current_view: Callable[[], None],
        database_clock: Callable[[], float],
    ) -> None:
        self._audit = audit
        self._own = own
        self._rights = rights
        self._secrets = secrets
        self._signatures = signatures
        self._require_current_view = require_current_view
        self._database_clock = database_clock

    async def one(
        self, by: Principal, device_id: DeviceId, request: CommandRequest
    ) -> PreparedCall:
        """What the caller may send. Raises `Forbidden`, `NotFound`, `Unavailable`."""
        _, refusals = await self._authorise(by, request.command, [device_id])
        for refusal in refusals.values():
            raise refusal
        command_id = id_of_one(request.command, request.signatures.get(device_id))
        return await self.prepared(by, request, [(device_id, command_id)])

    async def prepared(
        self,
        by: Principal,
        request: CommandRequest,
        named: list[tuple[DeviceId, CommandId]],
        *,
        batch_id: str | None = None,
        given: GivenIds | None = None,
    ) -> PreparedCall:
        """For who may send it to these, each with the id of its command. Raises `Forbidden`;
        `Unavailable` for a dangerous command when rights may be out of date."""
        dangerous = type_of(request.command) in DANGEROUS
        if dangerous:
            self._require_current_view()
        targets = [device_id for device_id, _ in named]
        unknown = await self._secrets_of(by, request.command, targets)
        terms = await self._terms(by, request.command, targets)
        faults = await self._signatures.faults(by, request, named)
        submission = submission_of(
            request,
            by,
            named,
            now=self._database_clock(),
            batch_id=batch_id,
            terms=terms,
            unknown=unknown,
            faults=faults,
            given=given,
        )
        dangerous = dangerous or _are_dangerous(terms)
        return PreparedCall(request, submission, batch_id, is_dangerous=dangerous)

    async def many(
        self, by: Principal, device_ids: Sequence[str], request: CommandRequest
    ) -> PreparedCall:
        """One command, a fresh id for each target. A target that is refused is its own entry.
        Raises `Forbidden` when the caller may not send this command to anybody."""
        targets = list(dict.fromkeys(device_ids))
        targets, refusals = await self._authorise(by, request.command, targets)
        if request.command.id:
            raise invalid("command.id", "a bulk call makes a fresh id for each target")
        refused = {
            target: refused_result(refusal_of(refusal)) for target, refusal in refusals.items()
        }
        if not targets:
            return PreparedCall(request, Submission(commands=[]), uuid7(), refused=refused)
        ids = ids_of_many(device_ids, request.signatures) if request.signatures else {}
        named = [(target, ids.get(target) or new_command_id()) for target in map(DeviceId, targets)]
        prepared = await self.prepared(by, request, named, batch_id=uuid7())
        return structs.replace(prepared, refused=refused)

    async def note(self, by: Principal, prepared: PreparedCall, taken: SubmissionOutcome) -> None:
        """What was refused for its signature."""
        await self._signatures.note(by, prepared.submission, taken)

    async def _authorise(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> tuple[list[str], dict[str, HubError]]:
        """(targets that it may go to, refusals of the others). Raises `Forbidden`."""
        kind = type_of(command)
        try:
            allowed, refusals = await self._rights.sort(by, command, targets)
        except Forbidden:
            await self._audit.note(*refused_entries(by, f"command.{kind}", targets))
            raise
        if refusals:
            await self._audit.note(*refused_entries(by, f"command.{kind}", list(refusals)))
        return allowed, refusals

    async def _secrets_of(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> HubError | None:
        """Why what the command names cannot be sent. Raises `Forbidden`."""
        if not may_name_secrets(type_of(command)):
            return None
        try:
            return await self._secrets.problem(by, params_of(command), "command")
        except Forbidden:
            await self._audit.note(*refused_entries(by, f"command.{type_of(command)}", targets))
            raise

    async def _terms(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> dict[DeviceId, OwnTerms]:
        """Of a device's own command, as each target describes it. Raises `Unavailable` for a
        dangerous one when rights may be out of date."""
        if not isinstance(command, Custom):
            return {}
        described = await self._as_it_runs(by.org, command)
        terms = await self._own.terms(by.org, described, [DeviceId(each) for each in targets])
        if _are_dangerous(terms):
            self._require_current_view()
        return terms

    async def _as_it_runs(self, org: OrgId, command: Custom) -> Custom:
        """With the secrets that it names: a description says what they may be."""
        references = references_in(command.args)
        if not references:
            return command
        values = await self._secrets.values_of(org, references)
        if len(values) < len(references):  # it is refused
            return command
        return structs.replace(command, args=filled(command.args, values))


def _are_dangerous(terms: Mapping[DeviceId, OwnTerms]) -> bool:
    return any(each.danger is not Danger.NO for each in terms.values())
