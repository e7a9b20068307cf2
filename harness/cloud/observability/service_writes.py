"""AWS services that write to log groups themselves: a policy of the group's account must let them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-identity-based-access-control-cwl.html
"""

from __future__ import annotations

import contextlib

from moto.logs.models import logs_backends

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import ApiError, Call, Caller, Need
from harness.cloud.ingestion import Ingestion, LogGroupRef


class ServiceWrites:
    """Decides and does the writing of services."""

    def __init__(self, authorizer: Authorizer, ingestion: Ingestion) -> None:
        self._authorizer = authorizer
        self._ingestion = ingestion

    def may(
        self,
        service: str,
        source_arn: str,
        group: LogGroupRef,
        stream: str,
        actions: tuple[str, ...] = ("logs:PutLogEvents",),
    ) -> bool:
        """Whether a service may do all of `actions` on a stream, on behalf of `source_arn`.

        The source is of the group's account: services write to no other's groups.
        """
        account, region = group.account, group.region
        caller = Caller("service", account, service, service, service, source_arn=source_arn)
        asked = Call("logs", "PutLogEvents", region, {"logGroupName": group.name}, caller)
        arn = f"{group.arn}:log-stream:{stream}"
        needs = tuple(Need(action, arn, account) for action in actions)
        return self._authorizer.refusal(asked, needs) is None

    def write(self, group: LogGroupRef, stream: str, message: str, at: int) -> None:
        """Write one event, in milliseconds, to a stream of an existing group. Asks nobody.

        What the group does not take now, because of its key, is lost: the service tells nobody.
        """
        backend = logs_backends[group.account][group.region]
        if stream not in backend.groups[group.name].streams:
            backend.create_log_stream(group.name, stream)
        with contextlib.suppress(ApiError):
            self._ingestion.put(group, stream, [{"timestamp": at, "message": message}])
