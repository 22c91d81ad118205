"""Whether a command has been signed by a person whom this device's own file trusts. Pure.

What is signed decides alone: the command that runs is made of the signed bytes, with the id and the
organisation of the device's own file, whatever the frame around them says. The moment until which
it counts is read by the device's own clock and by the hub's: each may be wrong, or lie.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct, structs

from device.base.signed_settings import SignedSettings
from protocol.commands import Delivery, type_of, wire_type
from protocol.ids import DeviceId
from protocol.signing import (
    Signature,
    SignatureRefused,
    SignedCommand,
    command_of,
    moment_of,
    require_timely,
)


class Clocks(Struct, frozen=True):
    """`own` gives seconds since 1970; `hub` the same at a moment of the monotonic clock, None while
    nobody has said it."""

    own: Callable[[], float]
    hub: Callable[[float], float | None]


class SignatureCheck:
    """`lost_for` says for how many seconds signed commands are still refused because the journal
    was lost, which knew what had run."""

    def __init__(
        self,
        settings: SignedSettings,
        device_id: str,
        clocks: Clocks,
        lost_for: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._keys = settings.trusted()
        self._device_id = DeviceId(device_id)
        self._clocks = clocks
        self._lost_for = lost_for

    def requires(self, kind: str) -> bool:
        return self._settings.requires(kind)

    def judge(self, delivery: Delivery, now: float) -> Delivery:
        """What may run of it: the signed command, or one that needs no signature and has none.
        Raises `SignatureRefused`."""
        if delivery.signature is None:
            kind = type_of(delivery.command)
            if self.requires(kind):
                raise SignatureRefused(f"{kind} runs here only when a person has signed it")
            return delivery
        if (left := self._lost_for()) > 0:
            raise SignatureRefused(
                "the journal of commands was lost, so nobody knows what has run: signed commands "
                f"are refused for another {left:.0f} s"
            )
        return self._proven(delivery, _decoded(delivery.signature), now)

    def _proven(self, delivery: Delivery, signature: Signature, now: float) -> Delivery:
        kind = wire_type(type_of(delivery.command))
        self._require_timely(signature.not_after, now)
        signed = SignedCommand(
            org=self._settings.org,
            device_id=self._device_id,
            command_id=delivery.id,
            type=kind,
            params=signature.params,
            not_after=signature.not_after,
        )
        self._keys.check(signature, signed.to_bytes())
        return structs.replace(
            delivery,
            command=command_of(kind, delivery.id, signature.params),
            signed_until=moment_of(signature.not_after),
        )

    def _require_timely(self, not_after: str, now: float) -> None:
        hub_now = self._clocks.hub(now)
        if hub_now is None:
            raise SignatureRefused("the hub has not said what time it is")
        require_timely(not_after, self._clocks.own(), "this device's")
        require_timely(not_after, hub_now, "the hub's")


def _decoded(given: object) -> Signature:
    try:
        return msgspec.convert(given, Signature)
    except msgspec.ValidationError as error:
        raise SignatureRefused(f"the signature does not validate: {error}") from None
