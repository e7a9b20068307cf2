"""Access control lists, which buckets have not taken since 2023 unless told to: none is enforced.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from harness.cloud.call import ApiError, Call

_OWNERS_OWN = frozenset({"", "private", "bucket-owner-full-control"})
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def refuse_acls(call: Call) -> None:
    """Raise `ApiError` (AccessControlListNotSupported) for a list that lets anyone else in."""
    if call.service != "s3":
        return
    params = call.params
    if call.operation in ("PutBucketAcl", "PutObjectAcl"):
        lets_in = not params.get("ACL") or params["ACL"] not in _OWNERS_OWN
    else:
        lets_in = str(params.get("ACL") or "") not in _OWNERS_OWN
    if lets_in or any(params.get(name) for name in _GRANTS):
        raise ApiError("AccessControlListNotSupported", "The bucket does not allow ACLs")
