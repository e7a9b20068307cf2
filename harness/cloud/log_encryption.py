"""Log groups with a KMS key: CloudWatch Logs of the Region must be allowed to use it for the group.

The service asks as itself, with the group in the encryption context; whether it may, the key's
policy decides like any other.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import Answer, ApiError, Call, Caller, Need, World
from harness.cloud.catalogue.contexts import encryption_context
from harness.cloud.key_states import unusable

_SETTING = ("CreateLogGroup", "AssociateKmsKey")
_PLAYED = ("AssociateKmsKey", "DisassociateKmsKey")
# To write events and to read them.
_USES = ("kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt")
# Permissions to read events, wherever they are asked for.
_READS = frozenset(
    {
        "logs:CreateExportTask",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
        "logs:GetLogRecord",
        "logs:StartLiveTail",
        "logs:StartQuery",
    }
)
_GROUP = re.compile(r"arn:aws:logs:([a-z0-9-]+):([0-9]{12}):log-group:([^:*]+)(?::.*)?")


class LogEncryption:
    """Checks keys of log groups, and plays the two operations that moto lacks."""

    def __init__(self, authorizer: Authorizer, world: World) -> None:
        self._authorizer = authorizer
        self._world = world

    def check(self, call: Call) -> None:
        """Raise `ApiError` (InvalidParameterException) for a key that the service may not use."""
        key = call.params.get("kmsKeyId")
        if call.service != "logs" or call.operation not in _SETTING or not key:
            return
        group = f"arn:aws:logs:{call.region}:{call.account}:log-group:{_group(call)}"
        arn = self._world.key_arn(call.account, call.region, str(key))
        if arn is None or arn != key or unusable(arn) or not self._may_use(call, arn, group):
            raise _shut(group)

    def check_use(self, call: Call, needs: tuple[Need, ...]) -> None:
        """Raise `ApiError` where events of a group are read whose key cannot be used now.

        `needs` are the permissions that the call was decided on. Writing goes by `check_group`.
        """
        if call.service != "logs":
            return
        for need in needs:
            if need.action in _READS:
                self.check_group(need.resource)

    def check_group(self, arn: str) -> None:
        """Raise `ApiError` (InvalidParameterException) if the key of a group cannot be used now.

        The pages say that the data can no longer be read, and tell no code: this is the one of
        AssociateKmsKey for the same key.
        """
        group = _GROUP.fullmatch(arn)
        if group is None:
            return
        region, account, name = group.groups()
        groups: Any = logs_backends[account][region].groups
        key = getattr(groups.get(name), "kms_key_id", None)
        if key and unusable(key):
            raise _shut(arn)

    def _may_use(self, call: Call, key: str, group: str) -> bool:
        service = f"logs.{call.region}.amazonaws.com"
        caller = Caller("service", call.account, service, service, service, source_arn=group)
        asked = Call("kms", "GenerateDataKey", call.region, {}, caller)
        context = encryption_context({"aws:logs:arn": group})
        owner = key.split(":")[4]
        needs = tuple(Need(action, key, owner, context) for action in _USES)
        return self._authorizer.refusal(asked, needs) is None

    def handles(self, service: str, operation: str) -> bool:
        """The two operations that moto lacks."""
        return service == "logs" and operation in _PLAYED

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` (ResourceNotFoundException) for an unknown group."""
        groups: Any = logs_backends[call.account][call.region].groups
        group = groups.get(_group(call))
        if group is None:
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        group.kms_key_id = call.params.get("kmsKeyId")
        return Answer()


def _shut(group: str) -> ApiError:
    return ApiError(
        "InvalidParameterException",
        "The specified KMS key does not exist or is not allowed to be used with "
        f"LogGroup '{group}'",
    )


def _group(call: Call) -> str:
    """The group's name; `resourceIdentifier` is its ARN. Results of queries have no group."""
    name = call.params.get("logGroupName")
    identifier = str(call.params.get("resourceIdentifier") or "")
    own = f"arn:aws:logs:{call.region}:{call.account}:log-group:"
    if name or not identifier.startswith(own):
        return str(name or "")
    return identifier.removeprefix(own).removesuffix(":*")
