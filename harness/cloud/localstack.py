"""The inner app where a LocalStack stores and answers IAM, KMS and CloudWatch Logs.

The gateway decides on what moto knows, in this process; so each change that LocalStack has made is
made there, too, under the ids that LocalStack gave out (`adoption`). Where the two disagree, the
call fails and the log says so. What LocalStack's open core does not have, moto answers alone; the
gateway's own services (STS, Bedrock, ...) never get here.
https://docs.localstack.cloud/aws/services/
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from localstack_client import config as localstack_config
from localstack_client.session import Session
from moto.logs.models import logs_backends

from harness.cloud.adoption import ADOPTED, adopt
from harness.cloud.call import ApiError, Call
from harness.cloud.ingestion import LogEvent, LogGroupRef
from harness.cloud.inner import InnerResponse, MotoApp, parsed
from harness.cloud.wire import Operation
from harness.errors import UserError

_log = logging.getLogger(__name__)

STORED_LOGS = frozenset(
    {
        *("CreateLogGroup", "DeleteLogGroup", "DescribeLogGroups", "ListLogGroups"),
        *("CreateLogStream", "DeleteLogStream", "DescribeLogStreams"),
        *("PutRetentionPolicy", "DeleteRetentionPolicy"),
        *("GetLogEvents", "FilterLogEvents"),
        *("TagLogGroup", "UntagLogGroup", "ListTagsLogGroup"),
        *("TagResource", "UntagResource", "ListTagsForResource"),
    }
)
"""What LocalStack does of Logs, beside PutLogEvents. The rest (queries, filters, destinations,
policies) needs what the gateway knows of a group and LocalStack does not."""

_READS = re.compile(r"(?:Describe|Filter|Get|List|Simulate)[A-Z]\w*")
# What leaves nothing behind, under other names.
_COMPUTED = frozenset(
    {
        *("Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair"),
        *("GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac"),
        *("GenerateRandom", "ReEncrypt", "Sign", "Verify", "VerifyMac"),
    }
)
_REMOVES = ("Delete", "Remove")
_FORWARDED = frozenset({"accept", "content-type", "x-amz-date", "x-amz-target"})
_RETURNED = ("content-type", "x-amzn-errortype", "x-amzn-query-error")
# What the gateway knows of a group, and LocalStack does not or not for long.
_OF_GROUPS = (
    *("bearerTokenAuthenticationEnabled", "dataProtectionStatus", "deletionProtectionEnabled"),
    *("inheritedProperties", "kmsKeyId", "logGroupClass", "metricFilterCount"),
)
_TIMEOUT = urllib3.Timeout(connect=5, read=30)


class LocalStackApp:
    """LocalStack at `host` (`localhost:4566`) in front of `moto`. One per cloud."""

    def __init__(self, host: str, moto: MotoApp) -> None:
        """Raises `UserError` where no LocalStack answers there."""
        self._host, self._moto = host, moto
        self._endpoint = str(localstack_config.get_service_endpoint("iam", host))
        self._pool = urllib3.PoolManager(maxsize=16, timeout=_TIMEOUT, retries=False)
        # A change and its copy in moto belong together. A change may lead to another.
        self._turn = threading.RLock()
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._masked: dict[tuple[object, ...], str] = {}
        try:
            answer = self._pool.request("GET", f"{self._endpoint}/_localstack/health")
            services = set(answer.json()["services"])
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"no LocalStack answers at {self._endpoint} ({type(error).__name__}); start one, "
                "or name another with --endpoint"
            ) from error
        if missing := {"iam", "kms", "logs"} - services:
            raise UserError(
                f"the LocalStack at {self._endpoint} has no {', '.join(sorted(missing))}; start it "
                "with SERVICES=iam,kms,logs or without SERVICES"
            )

    def client(self, account: str, service: str, region: str = "us-east-1") -> Any:
        """A client of LocalStack itself, past the gateway, as `account`."""
        place = (account, service, region)
        with self._turn:  # boto3 does not allow two threads to make clients at once
            if place not in self._clients:
                session = Session(
                    aws_access_key_id=account,
                    aws_secret_access_key="localstack",
                    region_name=region,
                    localstack_host=self._host,
                )
                self._clients[place] = session.client(service)
            return self._clients[place]

    def begin(self, account: str) -> None:
        """Raises `UserError` where the account holds roles or users already: what the gateway does
        not know, it cannot decide on."""
        try:
            iam = self.client(account, "iam")
            held = [r["RoleName"] for r in iam.list_roles(MaxItems=1)["Roles"]]
            held += [u["UserName"] for u in iam.list_users(MaxItems=1)["Users"]]
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"LocalStack at {self._endpoint}: {error}") from error
        if held:
            raise UserError(
                f"the LocalStack at {self._endpoint} already holds {held[0]} in account {account}; "
                "restart it, so that it holds nothing that the gateway does not know"
            )

    def store_principal(self, account: str, made: Any) -> None:
        """Make an administrator that was made in moto, and give that one LocalStack's id."""
        iam = self.client(account, "iam")
        if made.arn.split(":", 5)[5].startswith("role/"):
            answer = iam.create_role(
                RoleName=made.name,
                Path=made.path,
                AssumeRolePolicyDocument=made.assume_role_policy_document,
            )
            put, name = iam.put_role_policy, {"RoleName": made.name}
        else:
            answer = iam.create_user(UserName=made.name, Path=made.path)
            put, name = iam.put_user_policy, {"UserName": made.name}
        for policy, document in made.policies.items():
            put(**name, PolicyName=policy, PolicyDocument=document)
        adopt(account, "aws", "CreateRole" if "Role" in answer else "CreateUser", answer, {})

    # -- calls -----------------------------------------------------------------------

    def handle(self, operation: Operation, call: Call, account: str) -> InnerResponse:
        """Have a decided operation done on behalf of `account`. Raises `ApiError`."""
        if not _stored(operation.service, operation.name, call.params):
            return self._moto.handle(operation, call, account)
        if _READS.fullmatch(operation.name) or operation.name in _COMPUTED:
            answer = self._send(operation, call, account)
            if answer.status == 501:
                return self._moto.handle(operation, call, account)
            return self._completed(operation, call, account, answer)
        with self._turn:
            return self._change(operation, call, account)

    def _change(self, operation: Operation, call: Call, account: str) -> InnerResponse:
        # What AWS would not remove (a protected group), LocalStack may; so moto is asked first.
        removes = operation.name.startswith(_REMOVES)
        copy = self._moto.handle(operation, call, account) if removes else None
        if copy is not None and copy.status >= 300:
            return copy
        answer = self._send(operation, call, account)
        if answer.status == 501:
            return copy or self._moto.handle(operation, call, account)
        if answer.status >= 300:
            if copy is not None:
                raise self._disagree(operation, "did not remove what the gateway has removed")
            return answer
        if copy is None:
            copy = self._moto.handle(operation, call, account)
        if copy.status >= 300:
            raise self._disagree(operation, "did what the gateway could not do as well")
        if operation.name in ADOPTED:
            adopt(
                account,
                call.region,
                operation.name,
                parsed(operation, answer),
                parsed(operation, copy),
            )
        return answer

    def _disagree(self, operation: Operation, what: str) -> ApiError:
        message = f"LocalStack {what}: {operation.service}:{operation.name}. Begin anew."
        _log.error("%s", message)
        return ApiError("LocalStackDisagrees", message, 400)

    def _send(self, operation: Operation, call: Call, account: str) -> InnerResponse:
        request = operation.request
        scope = f"{account}/{_day(request.headers)}/{call.region}/{operation.service}/aws4_request"
        headers = {k: v for k, v in request.headers.items() if k in _FORWARDED}
        # LocalStack takes the account from the key and verifies nothing.
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        )
        query = f"?{request.query}" if request.query else ""
        try:
            answer = self._pool.request(
                request.method,
                f"{self._endpoint}{request.path}{query}",
                body=request.body,
                headers=headers,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            _log.error("LocalStack at %s: %s", self._endpoint, type(error).__name__)
            raise ApiError(
                "LocalStackUnreachable", f"LocalStack at {self._endpoint} does not answer.", 400
            ) from error
        kept = [(name, answer.headers[name]) for name in _RETURNED if name in answer.headers]
        return InnerResponse(answer.status, kept, answer.data)

    # -- logs ------------------------------------------------------------------------

    def observe(self, group: LogGroupRef, stream: str, events: Sequence[LogEvent]) -> None:
        """Store events that have come in (an `ingestion.Observer`). Raises `ApiError`."""
        logs = self.client(group.account, "logs", group.region)
        place = {"logGroupName": group.name, "logStreamName": stream}
        batch = [{"timestamp": e.timestamp, "message": e.message} for e in events]
        try:
            try:
                logs.put_log_events(**place, logEvents=batch)
            except logs.exceptions.ResourceNotFoundException:
                # A service of AWS made the group or stream; LocalStack does not know of it.
                _made(logs.create_log_group, logGroupName=group.name)
                _made(logs.create_log_stream, **place)
                logs.put_log_events(**place, logEvents=batch)
        except (BotoCoreError, ClientError) as error:
            _log.error("LocalStack did not take events of %s: %s", group.arn, type(error).__name__)
            raise ApiError("LocalStackDisagrees", "LocalStack did not take the events.") from error
        for event in events:
            if event.visible != event.message:
                self._masked[_key(group, stream, event.timestamp, event.message)] = event.visible

    def _completed(
        self, operation: Operation, call: Call, account: str, answer: InnerResponse
    ) -> InnerResponse:
        """An answer of LocalStack with what only the gateway knows: masks, settings of groups."""
        if answer.status >= 300 or operation.service != "logs":
            return answer
        if operation.name == "DescribeLogGroups":
            data = json.loads(answer.body)
            groups: Any = logs_backends[account][call.region].groups
            for told in data.get("logGroups", ()):
                known = groups.get(told["logGroupName"])
                described = {} if known is None else known.to_describe_dict()
                for name in _OF_GROUPS:
                    told.pop(name, None)
                    if described.get(name) is not None:
                        told[name] = described[name]
        elif operation.name in ("GetLogEvents", "FilterLogEvents"):
            if not self._masked or call.params.get("unmask"):
                return answer
            data = json.loads(answer.body)
            group = LogGroupRef(account, call.region, _group_name(call.params), "")
            for event in data.get("events", ()):
                stream = event.get("logStreamName") or call.params.get("logStreamName")
                key = _key(group, str(stream), event["timestamp"], event["message"])
                event["message"] = self._masked.get(key, event["message"])
        else:
            return answer
        return InnerResponse(answer.status, answer.headers, json.dumps(data).encode())


def _stored(service: str, operation: str, params: Mapping[str, Any]) -> bool:
    """Whether LocalStack is asked for an operation."""
    if service != "logs":
        return service in ("iam", "kms")
    if operation == "FilterLogEvents" and params.get("filterPattern"):
        return False  # it finds words only, and takes every JSON pattern to match
    if "resourceArn" in params and ":log-group:" not in str(params["resourceArn"]):
        return False
    return operation in STORED_LOGS


def _day(headers: Mapping[str, str]) -> str:
    return headers.get("x-amz-date", "")[:8] or "20000101"


def _group_name(params: Mapping[str, Any]) -> str:
    named = str(params.get("logGroupName") or params.get("logGroupIdentifier") or "")
    return named.partition(":log-group:")[2].removesuffix(":*") or named


def _key(group: LogGroupRef, stream: str, timestamp: int, message: str) -> tuple[object, ...]:
    return group.account, group.region, group.name, stream, timestamp, message


def _made(make: Any, **names: str) -> None:
    """Make something, unless it is there."""
    try:
        make(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
