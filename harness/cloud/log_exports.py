"""Export tasks: CloudWatch Logs writes to a bucket only where the bucket's policy lets it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasksConsole.html
"""

from __future__ import annotations

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import ApiError, Call, Caller, Need, World


class LogExports:
    """Checks what the inner app would simply do."""

    def __init__(self, authorizer: Authorizer, world: World) -> None:
        self._authorizer = authorizer
        self._world = world

    def check(self, call: Call) -> None:
        """Raise `ApiError` (InvalidParameterException) for a bucket that does not let it."""
        if (call.service, call.operation) != ("logs", "CreateExportTask"):
            return
        bucket = str(call.params.get("destination") or "")
        owner = self._world.bucket_account(bucket)
        if owner is None or not self._may_write(call, bucket, owner):
            raise ApiError(
                "InvalidParameterException",
                "PutObject call on the given bucket failed. Please check if CloudWatch Logs has "
                "been granted permission to perform this operation.",
            )

    def _may_write(self, call: Call, bucket: str, owner: str) -> bool:
        service = f"logs.{call.region}.amazonaws.com"
        source = f"arn:aws:logs:{call.region}:{call.account}:log-group:*"
        caller = Caller("service", call.account, service, service, service, source_arn=source)
        asked = Call("s3", "PutObject", call.region, {"Bucket": bucket}, caller)
        prefix = str(call.params.get("destinationPrefix") or "exportedlogs")
        needs = (
            Need("s3:GetBucketAcl", f"arn:aws:s3:::{bucket}", owner),
            Need("s3:PutObject", f"arn:aws:s3:::{bucket}/{prefix}/aws-logs-write-test", owner),
        )
        return self._authorizer.refusal(asked, needs) is None
