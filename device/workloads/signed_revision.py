"""Whether a revision has been signed by somebody whom this device's own file trusts. Pure."""

import msgspec

from device.base.signed_settings import SignedSettings
from protocol.canonical import hash_of
from protocol.signing import SignatureRefused
from protocol.workloads import AssignedApplication, RevisionSignature, revision_bytes


class RevisionCheck:
    def __init__(self, settings: SignedSettings) -> None:
        self._org = settings.org
        self._keys = settings.trusted()

    def check(self, application: AssignedApplication) -> None:
        """Raises `SignatureRefused`. What would run is hashed, whatever the hub says that it is."""
        try:
            signature = msgspec.convert(application.signature, RevisionSignature)
        except msgspec.ValidationError:
            raise SignatureRefused("nobody has signed this revision") from None
        if hash_of(application.compose) != application.sha256:
            raise SignatureRefused("the revision is not what was signed")
        message = revision_bytes(self._org, application.name, application.sha256)
        self._keys.check_bytes(signature.key_id, signature.value, message)
