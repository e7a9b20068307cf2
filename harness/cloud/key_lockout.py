"""Key policies that would lock out whoever sets them: KMS refuses them unless told to take them.

https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
(BypassPolicyLockoutSafetyCheck)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import ApiError, Call, Need
from harness.cloud.moto_estate import MotoEstate
from harness.estate.policies import named
from harness.iam import NamedPolicy, PolicyKind

_NEW_KEY = "00000000-0000-0000-0000-000000000000"


class KeyLockout:
    """Asks whether the caller could change a key's policy again under the new one."""

    def __init__(self, estate: MotoEstate, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._now = now

    def check(self, call: Call) -> None:
        """Raise `ApiError` (MalformedPolicyDocumentException) for a policy that locks out."""
        document = call.params.get("Policy")
        if call.service != "kms" or call.operation not in ("CreateKey", "PutKeyPolicy"):
            return
        if not document or call.params.get("BypassPolicyLockoutSafetyCheck"):
            return
        key = str(call.params.get("KeyId") or "")
        arn = self._estate.key_arn(call.account, call.region, key) if key else None
        arn = arn or f"arn:aws:kms:{call.region}:{call.account}:key/{_NEW_KEY}"
        as_it_would_be: Any = _Estate(self._estate, arn, str(document))
        need = Need("kms:PutKeyPolicy", arn, call.account, {"kms:CallerAccount": call.account})
        if Authorizer(as_it_would_be, self._now).refusal(call, (need,)) is not None:
            raise ApiError(
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future.",
            )


class _Estate:
    """The estate with another policy on one key."""

    def __init__(self, estate: MotoEstate, arn: str, document: str) -> None:
        self._estate, self._arn, self._document = estate, arn, document

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estate, name)

    def resource_policy(self, arn: str) -> NamedPolicy | None:
        if arn == self._arn:
            return named(PolicyKind.KEY, "key policy", self._document)
        return self._estate.resource_policy(arn)

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        return {} if arn.endswith(_NEW_KEY) else self._estate.resource_tags(arn)
