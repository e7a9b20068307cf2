"""What the parameters of STS operations may be, and the parts that their answers share.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from harness.cloud.call import ApiError, Caller
from harness.cloud.keyring import Credential
from harness.estate import RoleRecord

SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
FEDERATED_NAME = re.compile(r"[\w+=,.@-]{2,32}", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
ROLE_ARN = re.compile(r"arn:[\w-]+:iam::([0-9]{12}):role/(?:[!-~]*/)?([\w+=,.@-]{1,64})", re.ASCII)
_MAX_CHAINED = 3600
_MAX_TAGS = 50
_PACKED = 4096


def _is_of_tags(character: str) -> bool:
    """Letters, separators and numbers of any language, and a few signs."""
    return unicodedata.category(character)[0] in "LZN" or character in "_.:/=+-@"


def check_tags(caller: Caller, params: Mapping[str, Any]) -> None:
    """Raise `ApiError` for session tags that are malformed, or that the caller's own fix."""
    tags = params.get("Tags") or ()
    keys = [str(tag.get("Key", "")).lower() for tag in tags]
    if len(keys) > _MAX_TAGS:
        raise invalid("tags", f"must have at most {_MAX_TAGS} members")
    if len(set(keys)) != len(keys):
        raise ApiError("InvalidParameterValue", "Duplicate tag keys found.")
    for tag in tags:
        if not 1 <= len(str(tag.get("Key", ""))) <= 128 or len(str(tag.get("Value", ""))) > 256:
            raise invalid("tags", "a key has 1 to 128 characters and a value at most 256")
        if not all(map(_is_of_tags, f"{tag['Key']}{tag.get('Value', '')}")):
            raise invalid("tags", r"must satisfy the pattern [\p{L}\p{Z}\p{N}_.:/=+\-@]+")
        if str(tag["Key"]).lower().startswith("aws:"):
            raise ApiError("InvalidParameterValue", "Tag keys cannot start with aws:.")
    if set(keys) & caller.transitive_tags:
        raise ApiError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            "transitive tag key from the calling session.",
        )
    missing = {str(k).lower() for k in params.get("TransitiveTagKeys") or ()} - set(keys)
    if missing - caller.transitive_tags:
        raise ApiError(
            "InvalidParameterValue", "A transitive tag key must be among the session's tags."
        )


def duration(asked: object, role: RoleRecord, caller: Caller) -> int:
    """The seconds that a session of a role lasts. Raises `ApiError` past the role's or the chain's
    limit."""
    seconds = int(str(asked)) if asked is not None else min(3600, role.max_session_duration)
    if seconds < 900:
        raise invalid("durationSeconds", "must have value greater than or equal to 900")
    if caller.kind == "role-session" and seconds > _MAX_CHAINED:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
            "by role chaining",
        )
    if seconds > role.max_session_duration:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return seconds


def packed_size(params: Mapping[str, Any]) -> int:
    """`PackedPolicySize`, in per cent. Raises `ApiError` (PackedPolicyTooLarge) past 100.

    AWS does not tell how it packs. The estimate is that the characters of the policy, of the ARNs
    of policies and of the tags' keys and values share 4096, which the longest policy and 16 full
    keys just fit. Some requests that fit on AWS are refused here, and some the other way round.
    """
    policies = len(params.get("Policy") or "") + sum(
        len(str(entry.get("arn", ""))) for entry in params.get("PolicyArns") or ()
    )
    size = policies + sum(
        len(str(tag["Key"])) + len(str(tag["Value"])) for tag in params.get("Tags") or ()
    )
    share = -(-size * 100 // _PACKED)
    if share > 100:
        told = (
            f"Packed policy consumes {share}% of allotted space, please use smaller policy."
            if policies
            else f"Packed size of session tags consumes {share}% of allotted space."
        )
        raise ApiError("PackedPolicyTooLarge", told)
    return max(1, share)


def credentials(credential: Credential) -> dict[str, Any]:
    """The member `Credentials` of an answer."""
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret,
        "SessionToken": credential.token,
        "Expiration": credential.expires_at,
    }


def invalid(parameter: str, rule: str) -> ApiError:
    """The error for a parameter that breaks a constraint of the API's model."""
    return ApiError(
        "ValidationError",
        f"1 validation error detected: Value at '{parameter}' failed to satisfy constraint: "
        f"Member {rule}",
    )
