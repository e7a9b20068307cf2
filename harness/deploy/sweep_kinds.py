"""The kinds of things that a sweep knows: how those with our prefix are listed, their tags read,
and one removed with all that hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.targets.aws import ENVIRONMENT_TAG

PREFIX = "bulkhead"
KEY_WAIT_DAYS = 7
"""The shortest time that KMS lets pass before it deletes a key."""

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing: how those with our prefix are listed, their tags read, and one removed."""

    name: str
    service: str
    list: Callable[..., Iterable[tuple[str, str]]]
    """Name and identifier of each; asked with the client, and the account if `of_account`."""
    tags: Callable[[Any, str, str], Tags]
    """By client, name and identifier."""
    remove: Callable[[Any, str, str], None] | None = None
    why_not: str = ""
    of_account: bool = False
    """Whether its service wants to be told the account."""
    regional: bool = True
    management: bool = False
    """Whether it is of an organization, in the account that manages it."""
    records: bool = False
    """Whether it is a customer's records, or what they are read with."""


def _pages(client: Any, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**parameters):
        yield from page[member]


def _pairs(tags: Iterable[Mapping[str, str]]) -> Tags:
    return {
        tag.get("Key", tag.get("key", "")): tag.get("Value", tag.get("value", "")) for tag in tags
    }


def _ours(name: str) -> bool:
    return name.lstrip("/").startswith(PREFIX)


# --- organization ------------------------------------------------------------------------------


def _policies_of_organization(client: Any) -> Iterator[tuple[str, str]]:
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        for policy in _pages(client, "list_policies", "Policies", Filter=kind):
            if _ours(policy["Name"]) and not policy["AwsManaged"]:
                yield policy["Name"], policy["Id"]


def _remove_policy_of_organization(client: Any, _name: str, identifier: str) -> None:
    for at in list(_pages(client, "list_targets_for_policy", "Targets", PolicyId=identifier)):
        client.detach_policy(PolicyId=identifier, TargetId=at["TargetId"])
    client.delete_policy(PolicyId=identifier)


# --- IAM ---------------------------------------------------------------------------------------


def _roles(client: Any) -> Iterator[tuple[str, str]]:
    for role in _pages(client, "list_roles", "Roles"):
        if _ours(role["Path"]) or _ours(role["RoleName"]):
            yield role["RoleName"], role["Arn"]


def _remove_role(client: Any, name: str, _identifier: str) -> None:
    attached = list(
        _pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    )
    for policy in attached:
        client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy in list(_pages(client, "list_role_policies", "PolicyNames", RoleName=name)):
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    profiles = _pages(client, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
    for profile in list(profiles):
        client.remove_role_from_instance_profile(
            InstanceProfileName=profile["InstanceProfileName"], RoleName=name
        )
    client.delete_role(RoleName=name)


def _users(client: Any) -> Iterator[tuple[str, str]]:
    for user in _pages(client, "list_users", "Users"):
        if _ours(user["Path"]) or _ours(user["UserName"]):
            yield user["UserName"], user["Arn"]


def _remove_user(client: Any, name: str, _identifier: str) -> None:
    for key in list(_pages(client, "list_access_keys", "AccessKeyMetadata", UserName=name)):
        client.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    attached = _pages(client, "list_attached_user_policies", "AttachedPolicies", UserName=name)
    for policy in list(attached):
        client.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for policy in list(_pages(client, "list_user_policies", "PolicyNames", UserName=name)):
        client.delete_user_policy(UserName=name, PolicyName=policy)
    client.delete_user(UserName=name)


def _policies(client: Any) -> Iterator[tuple[str, str]]:
    for policy in _pages(client, "list_policies", "Policies", Scope="Local"):
        if _ours(policy["Path"]) or _ours(policy["PolicyName"]):
            yield policy["PolicyName"], policy["Arn"]


def _remove_policy(client: Any, _name: str, identifier: str) -> None:
    for version in list(_pages(client, "list_policy_versions", "Versions", PolicyArn=identifier)):
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=identifier, VersionId=version["VersionId"])
    client.delete_policy(PolicyArn=identifier)


def _instance_profiles(client: Any) -> Iterator[tuple[str, str]]:
    for profile in _pages(client, "list_instance_profiles", "InstanceProfiles"):
        if _ours(profile["Path"]) or _ours(profile["InstanceProfileName"]):
            yield profile["InstanceProfileName"], profile["Arn"]


# --- regional ----------------------------------------------------------------------------------


def _keys(client: Any) -> Iterator[tuple[str, str]]:
    """Those with an alias of ours; those with none, which an apply that was killed left before it
    made one, are known by their tags alone."""
    named = set()
    for alias in _pages(client, "list_aliases", "Aliases"):
        if "TargetKeyId" in alias:
            named.add(alias["TargetKeyId"])
            if _ours(alias["AliasName"].removeprefix("alias/")):
                yield alias["AliasName"], alias["TargetKeyId"]
    for key in _pages(client, "list_keys", "Keys"):
        if (found := key["KeyId"]) not in named and _left_without_alias(client, found):
            yield found, found


def _left_without_alias(client: Any, key: str) -> bool:
    try:
        about = client.describe_key(KeyId=key)["KeyMetadata"]
        if about["KeyManager"] != "CUSTOMER" or about["KeyState"] == "PendingDeletion":
            return False
        return ENVIRONMENT_TAG in _key_tags(client, key, key)
    except client.exceptions.ClientError as error:
        # Ours leave their account everything: this one is somebody else's.
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False
        raise


def _key_tags(client: Any, _name: str, identifier: str) -> Tags:
    tags = _pages(client, "list_resource_tags", "Tags", KeyId=identifier)
    return {tag["TagKey"]: tag["TagValue"] for tag in tags}


def _remove_key(client: Any, name: str, identifier: str) -> None:
    state = client.describe_key(KeyId=identifier)["KeyMetadata"]["KeyState"]
    if state != "PendingDeletion":
        client.schedule_key_deletion(KeyId=identifier, PendingWindowInDays=KEY_WAIT_DAYS)
    if name != identifier:
        client.delete_alias(AliasName=name)


def _groups(client: Any) -> Iterator[tuple[str, str]]:
    for group in _pages(client, "describe_log_groups", "logGroups"):
        if _ours(group["logGroupName"]):
            yield group["logGroupName"], group["arn"].removesuffix(":*")


def _parameters(client: Any) -> Iterator[tuple[str, str]]:
    for parameter in _pages(client, "describe_parameters", "Parameters"):
        if _ours(parameter["Name"]):
            yield parameter["Name"], parameter["Name"]


def _alarms(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=PREFIX):
        for alarm in (*page.get("CompositeAlarms", ()), *page["MetricAlarms"]):
            yield alarm["AlarmName"], alarm["AlarmArn"]


def _dashboards(client: Any) -> Iterator[tuple[str, str]]:
    entries = _pages(client, "list_dashboards", "DashboardEntries", DashboardNamePrefix=PREFIX)
    for entry in entries:
        yield entry["DashboardName"], entry["DashboardArn"]


def _profiles(client: Any) -> Iterator[tuple[str, str]]:
    summaries = _pages(
        client, "list_inference_profiles", "inferenceProfileSummaries", typeEquals="APPLICATION"
    )
    for profile in summaries:
        if _ours(profile["inferenceProfileName"]):
            yield profile["inferenceProfileName"], profile["inferenceProfileArn"]


def _rules(client: Any) -> Iterator[tuple[str, str]]:
    for rule in _pages(client, "list_rules", "Rules", NamePrefix=PREFIX):
        yield rule["Name"], rule["Arn"]


def _remove_rule(client: Any, name: str, _identifier: str, bus: str = "default") -> None:
    targets = _pages(client, "list_targets_by_rule", "Targets", Rule=name, EventBusName=bus)
    if found := [each["Id"] for each in targets]:
        client.remove_targets(Rule=name, EventBusName=bus, Ids=found)
    client.delete_rule(Name=name, EventBusName=bus)


def _machines(client: Any) -> Iterator[tuple[str, str]]:
    for machine in _pages(client, "list_state_machines", "stateMachines"):
        if _ours(machine["name"]):
            yield machine["name"], machine["stateMachineArn"]


def _topics(client: Any) -> Iterator[tuple[str, str]]:
    for topic in _pages(client, "list_topics", "Topics"):
        name = topic["TopicArn"].rpartition(":")[2]
        if _ours(name):
            yield name, topic["TopicArn"]


def _buses(client: Any) -> Iterator[tuple[str, str]]:
    # It has no paginator.
    said: dict[str, str] = {}
    while True:
        answer = client.list_event_buses(NamePrefix=PREFIX, **said)
        for bus in answer["EventBuses"]:
            yield bus["Name"], bus["Arn"]
        if not answer.get("NextToken"):
            return
        said = {"NextToken": answer["NextToken"]}


def _remove_bus(client: Any, name: str, _identifier: str) -> None:
    for rule in list(_pages(client, "list_rules", "Rules", EventBusName=name)):
        _remove_rule(client, rule["Name"], rule["Arn"], name)
    client.delete_event_bus(Name=name)


def _budgets(client: Any, account: str) -> Iterator[tuple[str, str]]:
    for budget in _pages(client, "describe_budgets", "Budgets", AccountId=account):
        if _ours(budget["BudgetName"]):
            yield (
                budget["BudgetName"],
                f"arn:aws:budgets::{account}:budget/{budget['BudgetName']}",
            )


def _remove_budget(client: Any, name: str, identifier: str) -> None:
    named = {"AccountId": identifier.split(":")[4], "BudgetName": name}
    for action in list(_pages(client, "describe_budget_actions_for_budget", "Actions", **named)):
        client.delete_budget_action(**named, ActionId=action["ActionId"])
    client.delete_budget(**named)


def _identity_providers(client: Any) -> Iterator[tuple[str, str]]:
    """Those with the environment's tag: their names are those of their issuers."""
    for provider in client.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        arn = provider["Arn"]
        if ENVIRONMENT_TAG in _provider_tags(client, "", arn):
            yield arn.partition("/")[2], arn


def _provider_tags(client: Any, _name: str, identifier: str) -> Tags:
    tags = _pages(
        client, "list_open_id_connect_provider_tags", "Tags", OpenIDConnectProviderArn=identifier
    )
    return _pairs(tags)


def _trails(client: Any) -> Iterator[tuple[str, str]]:
    for trail in client.describe_trails(includeShadowTrails=False)["trailList"]:
        if _ours(trail["Name"]):
            yield trail["Name"], trail["TrailARN"]


def _trail_tags(client: Any, _name: str, identifier: str) -> Tags:
    answer = client.list_tags(ResourceIdList=[identifier])["ResourceTagList"]
    return _pairs(answer[0]["TagsList"]) if answer else {}


def _buckets(client: Any) -> Iterator[tuple[str, str]]:
    for bucket in client.list_buckets()["Buckets"]:
        if _ours(bucket["Name"]):
            yield bucket["Name"], bucket["Name"]


KINDS: tuple[Kind, ...] = (
    Kind(
        "organization policy",
        "organizations",
        _policies_of_organization,
        lambda c, _n, i: _pairs(_pages(c, "list_tags_for_resource", "Tags", ResourceId=i)),
        _remove_policy_of_organization,
        regional=False,
        management=True,
    ),
    Kind(
        "inference profile",
        "bedrock",
        _profiles,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(resourceARN=i)["tags"]),
        lambda c, _n, i: c.delete_inference_profile(inferenceProfileIdentifier=i),
    ),
    Kind(
        "alarm",
        "cloudwatch",
        _alarms,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(ResourceARN=i)["Tags"]),
        lambda c, n, _i: c.delete_alarms(AlarmNames=[n]),
    ),
    Kind(
        "dashboard",
        "cloudwatch",
        _dashboards,
        lambda _c, _n, _i: {},
        why_not="dashboards bear no tags",
        regional=False,
    ),
    Kind(
        "event rule",
        "events",
        _rules,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(ResourceARN=i)["Tags"]),
        _remove_rule,
    ),
    Kind(
        "event bus",
        "events",
        _buses,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(ResourceARN=i)["Tags"]),
        _remove_bus,
    ),
    Kind(
        "topic",
        "sns",
        _topics,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(ResourceArn=i)["Tags"]),
        lambda c, _n, i: c.delete_topic(TopicArn=i),
    ),
    Kind(
        "budget",
        "budgets",
        _budgets,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(ResourceARN=i)["ResourceTags"]),
        _remove_budget,
        of_account=True,
        regional=False,
    ),
    Kind(
        "state machine",
        "stepfunctions",
        _machines,
        lambda c, _n, i: _pairs(c.list_tags_for_resource(resourceArn=i)["tags"]),
        lambda c, _n, i: c.delete_state_machine(stateMachineArn=i),
    ),
    Kind(
        "parameter",
        "ssm",
        _parameters,
        lambda c, _n, i: _pairs(
            c.list_tags_for_resource(ResourceType="Parameter", ResourceId=i)["TagList"]
        ),
        lambda c, n, _i: c.delete_parameter(Name=n),
    ),
    Kind(
        "log group",
        "logs",
        _groups,
        lambda c, _n, i: c.list_tags_for_resource(resourceArn=i)["tags"],
        lambda c, n, _i: c.delete_log_group(logGroupName=n),
        records=True,
    ),
    Kind(
        "key",
        "kms",
        _keys,
        _key_tags,
        _remove_key,
        records=True,
    ),
    Kind(
        "trail",
        "cloudtrail",
        _trails,
        _trail_tags,
        lambda c, n, _i: c.delete_trail(Name=n),
    ),
    Kind(
        "bucket",
        "s3",
        _buckets,
        lambda c, n, _i: _pairs(c.get_bucket_tagging(Bucket=n)["TagSet"]),
        why_not="what is in a bucket is looked at by a person first",
        regional=False,
    ),
    Kind(
        "instance profile",
        "iam",
        _instance_profiles,
        lambda c, n, _i: _pairs(
            _pages(c, "list_instance_profile_tags", "Tags", InstanceProfileName=n)
        ),
        lambda c, n, _i: c.delete_instance_profile(InstanceProfileName=n),
        regional=False,
    ),
    Kind(
        "role",
        "iam",
        _roles,
        lambda c, n, _i: _pairs(_pages(c, "list_role_tags", "Tags", RoleName=n)),
        _remove_role,
        regional=False,
    ),
    Kind(
        "identity provider",
        "iam",
        _identity_providers,
        _provider_tags,
        lambda c, _n, i: c.delete_open_id_connect_provider(OpenIDConnectProviderArn=i),
        regional=False,
    ),
    Kind(
        "user",
        "iam",
        _users,
        lambda c, n, _i: _pairs(_pages(c, "list_user_tags", "Tags", UserName=n)),
        _remove_user,
        regional=False,
    ),
    Kind(
        "policy",
        "iam",
        _policies,
        lambda c, _n, i: _pairs(_pages(c, "list_policy_tags", "Tags", PolicyArn=i)),
        _remove_policy,
        regional=False,
    ),
)
"""Kinds in the order of their removal."""
