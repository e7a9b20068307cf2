"""What lies in an account: keys, buckets, secrets, parameters, queues and the like, with the
policies on them. Only what decides access is told: no value, no object, no message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from harness.snapshot.parsed import parsed, tags
from harness.snapshot.reader import Gone, Reader

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def buckets(reader: Reader) -> dict[str, Any]:
    """The buckets of an account, by name."""
    found = {}
    for bucket in reader.every("buckets", "s3", "list_buckets", "Buckets"):
        try:
            found[bucket["Name"]] = _bucket(reader, bucket["Name"])
        except Gone:
            continue
    return found


def _bucket(reader: Reader, name: str) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{name}"

    def ask(operation: str, *absent: str) -> Mapping[str, Any]:
        return reader.of("buckets", arn, "s3", operation, absent=absent, Bucket=name)

    policy = ask("get_bucket_policy", "NoSuchBucketPolicy").get("Policy")
    block = ask("get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
    ownership = ask("get_bucket_ownership_controls", "OwnershipControlsNotFoundError")
    rules = ownership.get("OwnershipControls", {}).get("Rules", ())
    return {
        "region": ask("get_bucket_location").get("LocationConstraint") or "us-east-1",
        "policy": None if policy is None else parsed(policy),
        "public_access_block": _block(block),
        "ownership": rules[0]["ObjectOwnership"] if rules else None,
    }


def _block(answer: Mapping[str, Any]) -> dict[str, bool] | None:
    told = answer.get("PublicAccessBlockConfiguration")
    return None if told is None else {name: bool(told.get(name)) for name in _BLOCKS}


def public_access_block(reader: Reader) -> dict[str, bool] | None:
    """The block of the whole account."""
    return _block(
        reader.of(
            *("public_access_block", "", "s3control", "get_public_access_block"),
            absent=("NoSuchPublicAccessBlockConfiguration",),
            AccountId=reader.account,
        )
    )


def keys(reader: Reader) -> dict[str, Any]:
    """The KMS keys of a Region, by ARN, with grants and aliases."""
    aliases: dict[str, list[str]] = {}
    for alias in reader.every("keys", "kms", "list_aliases", "Aliases"):
        if "TargetKeyId" in alias:
            aliases.setdefault(alias["TargetKeyId"], []).append(alias["AliasName"])
    found = {}
    for key in reader.every("keys", "kms", "list_keys", "Keys"):
        try:
            found[key["KeyArn"]] = _key(reader, key["KeyArn"], aliases.get(key["KeyId"], []))
        except Gone:
            continue
    return found


def _key(reader: Reader, arn: str, aliases: list[str]) -> dict[str, Any]:
    def ask(operation: str, **more: Any) -> Mapping[str, Any]:
        return reader.of("keys", arn, "kms", operation, KeyId=arn, **more)

    about = ask("describe_key").get("KeyMetadata", {})
    policy = ask("get_key_policy", PolicyName="default").get("Policy")
    return {
        "manager": str(about.get("KeyManager", "")),
        "state": str(about.get("KeyState", "")),
        "aliases": sorted(aliases),
        "policy": None if policy is None else parsed(policy),
        "grants": sorted(
            (_grant(grant) for grant in ask("list_grants").get("Grants", ())),
            key=lambda grant: str(sorted(grant.items())),
        ),
        # Nobody can tag a key that AWS manages.
        "tags": tags(ask("list_resource_tags").get("Tags"))
        if about.get("KeyManager") == "CUSTOMER"
        else {},
    }


def _grant(grant: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "grantee": str(grant.get("GranteePrincipal", "")),
        "retiring": str(grant.get("RetiringPrincipal", "")),
        "operations": sorted(grant.get("Operations", ())),
        "constraints": grant.get("Constraints") or {},
    }


def secrets(reader: Reader) -> dict[str, Any]:
    """The secrets of a Region, by ARN: which key, whose policy; never what they hold."""
    found = {}
    for secret in reader.every("secrets", "secretsmanager", "list_secrets", "SecretList"):
        arn = secret["ARN"]
        try:
            told = reader.of("secrets", arn, "secretsmanager", "get_resource_policy", SecretId=arn)
        except Gone:
            continue
        policy = told.get("ResourcePolicy")
        found[arn] = {
            "key": str(secret.get("KmsKeyId") or ""),
            "policy": parsed(policy) if policy else None,
            "tags": tags(secret.get("Tags")),
        }
    return found


def parameters(reader: Reader) -> dict[str, Any]:
    """The parameters of a Region, by ARN: kind, key and the policies that share them. Only those
    of the advanced tier can be shared."""
    found = {}
    for parameter in reader.every("parameters", "ssm", "describe_parameters", "Parameters"):
        name = parameter["Name"].removeprefix("/")
        arn = f"arn:aws:ssm:{reader.region}:{reader.account}:parameter/{name}"
        shared: list[Any] = []
        if parameter.get("Tier", "Standard") != "Standard":
            try:
                told = reader.of("parameters", arn, "ssm", "get_resource_policies", ResourceArn=arn)
            except Gone:
                continue
            shared = [parsed(each["Policy"]) for each in told.get("Policies", ())]
        found[arn] = {
            "type": parameter["Type"],
            "key": str(parameter.get("KeyId") or ""),
            "tier": str(parameter.get("Tier", "Standard")),
            "policies": shared,
        }
    return found


def queues(reader: Reader) -> dict[str, Any]:
    """The queues of a Region, by ARN."""
    found = {}
    for url in reader.every("queues", "sqs", "list_queues", "QueueUrls"):
        arn = f"arn:aws:sqs:{reader.region}:{reader.account}:{url.rpartition('/')[2]}"
        try:
            told = reader.of(
                *("queues", arn, "sqs", "get_queue_attributes"),
                QueueUrl=url,
                AttributeNames=["Policy"],
            )
        except Gone:
            continue
        policy = told.get("Attributes", {}).get("Policy")
        found[arn] = {"policy": parsed(policy) if policy else None}
    return found


def topics(reader: Reader) -> dict[str, Any]:
    """The topics of a Region, by ARN."""
    found = {}
    for topic in reader.every("topics", "sns", "list_topics", "Topics"):
        arn = topic["TopicArn"]
        try:
            told = reader.of("topics", arn, "sns", "get_topic_attributes", TopicArn=arn)
        except Gone:
            continue
        policy = told.get("Attributes", {}).get("Policy")
        found[arn] = {"policy": parsed(policy) if policy else None}
    return found


def event_buses(reader: Reader) -> dict[str, Any]:
    """The event buses of a Region, by ARN, with where their rules send events."""
    found = {}
    for bus in reader.every("event_buses", "events", "list_event_buses", "EventBuses"):
        arn, name = bus["Arn"], bus["Name"]
        try:
            rules = reader.of("event_buses", arn, "events", "list_rules", EventBusName=name)
            found[arn] = {
                "policy": parsed(bus["Policy"]) if bus.get("Policy") else None,
                "rules": {
                    rule["Name"]: _rule(reader, arn, name, rule) for rule in rules.get("Rules", ())
                },
            }
        except Gone:
            continue
    return found


def _rule(reader: Reader, bus_arn: str, bus: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    told = reader.of(
        *("event_buses", bus_arn, "events", "list_targets_by_rule"),
        Rule=rule["Name"],
        EventBusName=bus,
    )
    return {
        "state": str(rule.get("State", "")),
        "targets": sorted({str(target["Arn"]) for target in told.get("Targets", ())}),
    }


def api_destinations(reader: Reader) -> dict[str, Any]:
    """The addresses that events of a Region are sent to, by ARN. Of an address the host is told:
    more of it could be a secret."""
    return {
        each["ApiDestinationArn"]: {
            "host": str(urlsplit(each.get("InvocationEndpoint", "")).hostname or "")
        }
        for each in reader.every(
            "api_destinations", "events", "list_api_destinations", "ApiDestinations"
        )
    }


def functions(reader: Reader) -> dict[str, Any]:
    """The Lambda functions of a Region, by ARN: as which role they run, and who may call them."""
    found = {}
    for function in reader.every("functions", "lambda", "list_functions", "Functions"):
        arn = function["FunctionArn"]
        try:
            told = reader.of(
                *("functions", arn, "lambda", "get_policy"),
                absent=("ResourceNotFoundException",),
                FunctionName=function["FunctionName"],
            )
        except Gone:
            continue
        policy = told.get("Policy")
        found[arn] = {"role": function["Role"], "policy": parsed(policy) if policy else None}
    return found
