"""Decrypt and ReEncrypt with a key that is not the ciphertext's: KMS refuses, moto may ignore it.

https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.cloud.call import ApiError, Call, World
from harness.cloud.catalogue.special.kms import key_id_of

_NAMED: Mapping[str, str] = {"Decrypt": "KeyId", "ReEncrypt": "SourceKeyId"}


class KmsRules:
    """Checks that the key which a call was decided on is the one that it uses."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self, call: Call) -> None:
        """Raise `ApiError` (IncorrectKeyException) where KMS would."""
        if call.service != "kms" or call.operation not in _NAMED:
            return
        named = call.params.get(_NAMED[call.operation])
        used = key_id_of(call.params.get("CiphertextBlob"))
        if not named or used is None:
            return
        arn = self._world.key_arn(call.account, call.region, str(named))
        if arn is None or arn.rpartition("/")[2] != used:
            raise ApiError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this "
                "operation.",
            )
