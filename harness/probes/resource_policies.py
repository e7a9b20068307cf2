"""Policies on what an account keeps: where they are, and whom they let in from outside.

Judged strictly, like trust (`harness.probes.trustees`): conditions excuse nobody. A service must be
bound to the account it works for, since it acts for whoever asks it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

from botocore.exceptions import ClientError

from harness.probes.trustees import account_of, named, texts

Client = Callable[[str], Any]
"""A client of the account's administrator in a Region, by service."""


def lets_in(policy: str, account: str, never: Set[str] = frozenset()) -> list[str]:
    """Whom a policy lets in beyond principals of its account; empty when nobody.

    `never` are names of roles that may not be named either, whatever names them.
    """
    document: Mapping[str, Any] = json.loads(policy)
    statements = document["Statement"]
    listed = [statements] if isinstance(statements, Mapping) else statements
    return [
        found
        for statement in listed
        if statement["Effect"] == "Allow"
        for found in _strangers(statement, account, never)
    ]


def _strangers(statement: Mapping[str, Any], account: str, never: Set[str]) -> Iterator[str]:
    if "NotPrincipal" in statement:
        yield "everybody but a few"
        return
    conditions = statement.get("Condition", {})
    exact = {
        key.lower(): set(texts(value)) for key, value in conditions.get("StringEquals", {}).items()
    }
    # As the policies of keys that AWS manages are.
    managed = exact.get("kms:calleraccount") == {account} and "kms:viaservice" in exact
    for kind, name in named(statement["Principal"]):
        if name == "*":
            if not managed:
                yield "everybody"
        elif kind == "Service":
            # The ARN of what a service works for, in full, names its account too.
            sources = {account_of(arn) for arn in exact.get("aws:sourcearn", ())}
            if {account} not in (exact.get("aws:sourceaccount"), sources):
                yield f"{name} for whoever asks it"
        elif kind != "AWS" or account_of(name) != account or never & set(name.split("/")):
            yield name


def policies(client: Client, *, everywhere: bool = True) -> Iterator[tuple[str, str]]:
    """The resource policies of an account in a Region: kind and name of the resource, and policy.

    Without `everywhere` those of the Region alone, and not those that the account has once. Raises
    botocore's `ClientError`.
    """
    kinds: dict[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
        "kms": _keys,
        "sqs": _queues,
        "sns": _topics,
        "secretsmanager": _secrets,
        "events": _buses,
        "logs": _logs,
        "lambda": _functions,
        **({"s3": _buckets} if everywhere else {}),
    }
    for service, read in kinds.items():
        yield from read(client(service))


def _buckets(s3: Any) -> Iterator[tuple[str, str]]:
    for bucket in s3.list_buckets()["Buckets"]:
        try:
            policy = s3.get_bucket_policy(Bucket=bucket["Name"])["Policy"]
        except ClientError as error:
            # Buckets of other probes come and go.
            if error.response["Error"]["Code"] not in ("NoSuchBucketPolicy", "NoSuchBucket"):
                raise
        else:
            yield f"bucket {bucket['Name']}", policy


def _keys(kms: Any) -> Iterator[tuple[str, str]]:
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
            yield f"key {key['KeyId']}", policy


def _queues(sqs: Any) -> Iterator[tuple[str, str]]:
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", ()):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
            if policy := found.get("Attributes", {}).get("Policy"):
                yield f"queue {url.rpartition('/')[2]}", policy


def _topics(sns: Any) -> Iterator[tuple[str, str]]:
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            found = sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
            if policy := found.get("Policy"):
                yield f"topic {topic['TopicArn'].rpartition(':')[2]}", policy


def _secrets(secrets: Any) -> Iterator[tuple[str, str]]:
    for page in secrets.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            found = secrets.get_resource_policy(SecretId=secret["ARN"])
            if policy := found.get("ResourcePolicy"):
                yield f"secret {secret['Name']}", policy


def _buses(events: Any) -> Iterator[tuple[str, str]]:
    for bus in events.list_event_buses()["EventBuses"]:
        if policy := bus.get("Policy"):
            yield f"event bus {bus['Name']}", policy


def _logs(logs: Any) -> Iterator[tuple[str, str]]:
    for found in logs.describe_resource_policies()["resourcePolicies"]:
        yield f"log policy {found['policyName']}", found["policyDocument"]


def _functions(functions: Any) -> Iterator[tuple[str, str]]:
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name = function["FunctionName"]
            try:
                yield f"function {name}", functions.get_policy(FunctionName=name)["Policy"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
