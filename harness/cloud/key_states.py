"""KMS keys that are disabled, waiting for their deletion, or made for something else.

Whoever may use such a key cannot: neither by KMS itself nor by the services whose data lie under
it. The one place that tells so, from the permissions that a call was decided on.
https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from moto.kms.models import KmsBackend, kms_backends

from harness.cloud.call import ApiError, Call, Need

_DATA = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    }
)
# What a key that is not enabled does not do …
_USES = _DATA | {
    "CreateGrant",
    "DeriveSharedSecret",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "GenerateMac",
    "GetPublicKey",
    "RotateKeyOnDemand",
    "Sign",
    "Verify",
    "VerifyMac",
}
# … and what can still be done to a disabled key, but not to one that is to be deleted.
_CHANGES = frozenset(
    {
        "CreateAlias",
        "DisableKey",
        "EnableKey",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateKeyDescription",
    }
)
_SYMMETRIC = "SYMMETRIC_DEFAULT"


def check_keys(call: Call, needs: tuple[Need, ...]) -> None:
    """Raise `ApiError`, in the words of the call's service, for a key that cannot be used now.

    `needs` are the permissions that the call was decided on: each names its key by the key's ARN.
    """
    for need in needs:
        prefix, _, action = need.action.partition(":")
        if prefix != "kms" or ":key/" not in need.resource:
            continue
        error = _error(need.resource, action, through=call.service != "kms")
        if error is not None:
            raise _told_by(call, action, error)


def unusable(key: str) -> ApiError | None:
    """KMS's error for data of a service under the key with this ARN; None where it would do."""
    return _error(key, "GenerateDataKey", through=True)


def _error(arn: str, action: str, *, through: bool) -> ApiError | None:
    _, _, _, region, account, resource = arn.split(":", 5)
    # A Region that does not exist has no keys, either.
    there: Any = kms_backends[account].get(region)
    key = None if there is None else there.keys.get(resource.removeprefix("key/"))
    if key is None:
        # KMS itself, asked without a service between, says it in its own words.
        return ApiError("NotFoundException", f"Key '{arn}' does not exist") if through else None
    if action == "CancelKeyDeletion" and key.key_state != "PendingDeletion":
        return ApiError("KMSInvalidStateException", f"{arn} is not pending deletion.")
    if key.key_state == "PendingDeletion" and action in _USES | _CHANGES:
        return ApiError("KMSInvalidStateException", f"{arn} is pending deletion.")
    if key.key_state == "Disabled" and action in _USES:
        return ApiError("DisabledException", f"{arn} is disabled.")
    if action not in _DATA:
        return None
    # Services and data keys want a symmetric key; KMS encrypts with an asymmetric one as well.
    # https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
    usage = key.key_usage or "ENCRYPT_DECRYPT"
    symmetric = through or action.startswith("GenerateDataKey")
    if usage != "ENCRYPT_DECRYPT" or (symmetric and key.key_spec != _SYMMETRIC):
        return ApiError("InvalidKeyUsageException", f"{arn} key usage is {usage} ({key.key_spec}).")
    return None


def _told_by(call: Call, action: str, error: ApiError) -> ApiError:
    """KMS's error as the service tells it that asked for the key.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    if call.service == "s3":
        return ApiError(f"KMS.{error.code}", error.message, 400)
    code = _CODES.get(call.service)
    if code is None:
        return error
    return ApiError(code[action == "Decrypt"], error.message, 400)


# By service: its code when it writes, and when it reads.
_CODES: Mapping[str, tuple[str, str]] = {
    "secretsmanager": ("EncryptionFailure", "DecryptionFailure"),
    "ssm": ("InvalidKeyId", "InvalidKeyId"),
}


@functools.cache
def adapt_key_names() -> None:
    """Let the operations that change a key's state take its ARN, as KMS does. Once is enough."""
    for name in ("cancel_key_deletion", "disable_key", "enable_key", "schedule_key_deletion"):
        setattr(KmsBackend, name, _by_id(getattr(KmsBackend, name)))


def _by_id(change: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(change)
    def by_id(self: Any, key_id: str, *rest: Any, **named: Any) -> Any:
        return change(self, self.get_key_id(key_id), *rest, **named)

    return by_id
