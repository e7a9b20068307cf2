"""What a run that was killed left in the accounts of an environment, and removing it.

Something is of a run only if its name starts as ours do AND it carries the environment's tag AND
that of a run of `--target aws`, which what is applied by Terraform alone (in CI, with states in a
bucket) never carries. What lacks one of these, or has no tags by nature, is told and left to a
person; so are records that are to be kept. States are not asked: this is for when they are lost.
Everything is done as the accounts' owners, the guardrails first, since they keep others from
removing the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from harness.deploy.environment import Environment
from harness.targets.aws import ENVIRONMENT_TAG, HOME_REGION, RUN_TAG, AwsTarget

PREFIX = "bulkhead"
KEY_WAIT_DAYS = 7
"""The shortest time that KMS lets pass before it deletes a key."""
_PAUSE = 2.0
_GONE = frozenset(
    {
        *("NoSuchEntity", "NotFoundException", "ResourceNotFoundException", "ResourceNotFound"),
        *("PolicyNotFoundException", "TrailNotFoundException", "NoSuchBucket", "NotFound"),
        *("StateMachineDoesNotExist", "InvalidResourceId", "ParameterNotFound"),
    }
)
_UNTAGGED = frozenset({"NoSuchTagSet", "NoSuchTagSetError"})
_RELATED = frozenset({"DeleteConflict", "PolicyInUseException", "ConflictException"})
"""Refusals that end when something else is removed or seen to be."""

Tags = Mapping[str, str]
ClientOf = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that looks like the environment's."""

    account: str
    region: str
    kind: str
    name: str
    identifier: str = field(repr=False)
    """What the service knows it by."""
    why_not: str = ""
    """Why it is not removed from here."""
    run: str = ""

    @property
    def removable(self) -> bool:
        return not self.why_not

    def __str__(self) -> str:
        place = f"{self.account} {self.region}".strip()
        of = f" of run {self.run}" if self.run else ""
        why = f" ({self.why_not})" if self.why_not else ""
        return f"{place}: {self.kind} {self.name}{of}{why}"


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


def find(environment: Environment, target: AwsTarget) -> list[Leftover]:
    """Everything that looks like the environment's, in the order in which it is to be removed;
    changes nothing. Raises botocore's `ClientError` for what cannot be listed."""
    return [
        leftover
        for kind in KINDS
        for account, region in _places(kind, environment)
        for leftover in _found(kind, environment, target, account, region)
    ]


def remove(
    leftovers: Sequence[Leftover], environment: Environment, target: AwsTarget
) -> Iterator[tuple[Leftover, str]]:
    """Removes what is removable, each looked at again before; yields what was tried and why it is
    still there (empty: it is gone). What something else is in the way of is tried again until the
    target's patience ends."""
    kinds = {kind.name: kind for kind in KINDS}
    pending = [each for each in leftovers if each.removable]
    deadline = time.monotonic() + target.patience
    while pending:
        again: list[Leftover] = []
        for each in pending:
            kind = kinds[each.kind]
            client = _client(kind, target, target.session(each.account), each.region)
            tags = _tags(kind, client, (each.name, each.identifier))
            if tags is None:
                yield each, ""
                continue
            if _why_not(kind, environment, each.account, tags) or tags[RUN_TAG] != each.run:
                yield each, "it does not carry the same tags any more"
                continue
            assert kind.remove is not None
            try:
                kind.remove(client, each.name, each.identifier)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                # A guardrail that was just taken away denies for a while.
                waits = code in _RELATED or code.startswith("AccessDenied")
                if code in _GONE:
                    yield each, ""
                elif waits and time.monotonic() < deadline:
                    again.append(each)
                else:
                    yield each, f"{error.operation_name} answers {code}"
            else:
                yield each, ""
        if again and len(again) == len(pending):
            time.sleep(_PAUSE)
        pending = again


def _places(kind: Kind, environment: Environment) -> Iterator[tuple[str, str]]:
    if kind.management:
        yield environment.management_account, HOME_REGION
        return
    for account in environment.accounts:
        # What is of no region is listed from any.
        for region in environment.regions if kind.regional else [environment.region]:
            yield account, region


def _found(
    kind: Kind, environment: Environment, target: AwsTarget, account: str, region: str
) -> Iterator[Leftover]:
    client = _client(kind, target, target.session(account), region)
    shown = region if kind.regional else ""
    for name, identifier in kind.list(client, *([account] if kind.of_account else [])):
        tags = _tags(kind, client, (name, identifier))
        if tags is None:
            continue
        owner = tags.get(ENVIRONMENT_TAG)
        if owner is not None and owner != environment.name:
            continue  # another environment's
        why = kind.why_not or _why_not(kind, environment, account, tags)
        yield Leftover(account, shown, kind.name, name, identifier, why, tags.get(RUN_TAG, ""))


def _why_not(kind: Kind, environment: Environment, account: str, tags: Tags) -> str:
    """Why something of this kind with these tags is not to be removed; empty where it is."""
    for tag in (ENVIRONMENT_TAG, RUN_TAG):
        if not tags.get(tag):
            return f"it has no tag {tag}"
    if kind.records and environment.keeps_records_of(account):
        return "records of this account are kept"
    return ""


def _tags(kind: Kind, client: Any, each: tuple[str, str]) -> Tags | None:
    """Its tags; None where it is no more."""
    try:
        return kind.tags(client, *each)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _UNTAGGED:
            return {}
        if code in _GONE:
            return None
        raise


def _client(kind: Kind, target: AwsTarget, session: boto3.Session, region: str) -> Any:
    return target.client(session, kind.service, region or HOME_REGION)


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
    for alias in _pages(client, "list_aliases", "Aliases"):
        if _ours(alias["AliasName"].removeprefix("alias/")) and "TargetKeyId" in alias:
            yield alias["AliasName"], alias["TargetKeyId"]


def _remove_key(client: Any, name: str, identifier: str) -> None:
    state = client.describe_key(KeyId=identifier)["KeyMetadata"]["KeyState"]
    if state != "PendingDeletion":
        client.schedule_key_deletion(KeyId=identifier, PendingWindowInDays=KEY_WAIT_DAYS)
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


def _remove_rule(client: Any, name: str, _identifier: str) -> None:
    targets = [each["Id"] for each in _pages(client, "list_targets_by_rule", "Targets", Rule=name)]
    if targets:
        client.remove_targets(Rule=name, Ids=targets)
    client.delete_rule(Name=name)


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
        parameters = {"Rule": rule["Name"], "EventBusName": name}
        targets = _pages(client, "list_targets_by_rule", "Targets", **parameters)
        if found := [each["Id"] for each in targets]:
            client.remove_targets(Rule=rule["Name"], EventBusName=name, Ids=found)
        client.delete_rule(Name=rule["Name"], EventBusName=name)
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
        lambda c, _n, i: {
            t["TagKey"]: t["TagValue"] for t in _pages(c, "list_resource_tags", "Tags", KeyId=i)
        },
        _remove_key,
        records=True,
    ),
    Kind(
        "trail",
        "cloudtrail",
        _trails,
        _trail_tags,
        lambda c, _n, i: c.delete_trail(Name=i),
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
