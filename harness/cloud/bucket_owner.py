"""`ExpectedBucketOwner`: a request that names the owner of a bucket fails where another owns it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

from collections.abc import Callable

from harness.cloud.call import ApiError, Call


class BucketOwner:
    """Checks the condition, of which the inner app knows nothing."""

    def __init__(self, owner_of: Callable[[str], str | None]) -> None:
        self._owner_of = owner_of

    def check(self, call: Call) -> None:
        """Raise `ApiError` (AccessDenied) for a bucket, or source bucket, of somebody else."""
        if call.service != "s3":
            return
        source = call.params.get("CopySource") or ""
        copied = source.get("Bucket", "") if isinstance(source, dict) else source
        for expected, bucket in (
            ("ExpectedBucketOwner", str(call.params.get("Bucket") or "")),
            ("ExpectedSourceBucketOwner", str(copied).lstrip("/").partition("/")[0]),
        ):
            owner = call.params.get(expected)
            if owner and self._owner_of(bucket) not in (None, owner):
                raise ApiError("AccessDenied", "Access Denied", 403)
