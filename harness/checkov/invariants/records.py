"""Rules for where content rests and how it could leave: logs, keys, and Bedrock's own settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.checkov.invariants.planned import Resource, Unknown
from harness.checkov.invariants.policies import (
    KEY_POLICIES,
    account_of,
    all_match,
    allows,
    granted,
    pinned,
    principal_accounts,
)
from harness.checkov.invariants.rule import Rules

RULES = Rules()
_CONTEXT = "kms:EncryptionContext:aws:logs:arn"
_GROUP = re.compile(r"arn:[a-z-]+:logs:[a-z0-9-]+:\d{12}:log-group:[A-Za-z0-9_./#-]+")
_KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_DESTINATION = re.compile(r"arn:[a-z-]+:logs:[^:]*:[^:]*:destination:.*")
_NOT_GLOBAL = re.compile(r":(foundation-model|inference-profile)/(?!global\.)")
_METRICS = "AWS::CloudWatch::Metric"


@RULES.add(
    32,
    "Model invocation logging is nowhere configured",
    resources=("aws_bedrock_model_invocation_logging_configuration",),
    rows="L04 L05 L06 I20",
    why="It writes the prompts and answers of every customer to the account that makes the calls, "
    "which is the operations account. Customers' records are written in their own accounts.",
)
def no_invocation_logging(_resource: Resource) -> Iterator[str]:
    yield "model invocation logging would write every prompt and answer to this account"


@RULES.add(
    33,
    "A log group keeps its records for a stated time",
    resources=("aws_cloudwatch_log_group",),
    rows="L18",
    why="Without a retention records stay for ever, and nobody has decided that. A legal hold is "
    "such a decision, and the group is tagged with it.",
)
def retention(resource: Resource) -> Iterator[str]:
    days = resource.value("retention_in_days")
    if days and int(days) >= 1:
        return
    if (resource.value("tags") or {}).get("bulkhead:legal-hold") != "true":
        yield "retention_in_days is not set: records never expire"


@RULES.add(
    34,
    "A log group is encrypted under a key of its account",
    resources=("aws_cloudwatch_log_group",),
    rows="K05 K09",
    why="Without a key of its own the group lacks the wall that holds when a log policy fails.",
)
def encrypted(resource: Resource) -> Iterator[str]:
    key = resource.text("kms_key_id")
    if not _KEY.fullmatch(key):
        yield f"kms_key_id is {key or 'not set'}, not the ARN of a key"
        return
    group = resource.text("arn")
    if group and account_of(group) != account_of(key):
        yield f"kms_key_id is of account {account_of(key)}, the group of {account_of(group)}"


@RULES.add(
    35,
    "CloudWatch Logs may use a key for exact log groups only",
    resources=KEY_POLICIES,
    rows="K02 K03 K04",
    why="The encryption context is what ties the key to one group; ArnLike and ArnEquals expand "
    "wildcards, and without it every log group of the account can be put under the key.",
)
def encryption_context(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        services = statement.principals.services if statement.principals else frozenset()
        if not any(service.startswith("logs.") for service in services):
            continue
        groups = pinned(statement, _CONTEXT)
        if not groups or not all_match(groups, _GROUP):
            yield f"statement {statement.label}: no StringEquals on {_CONTEXT} with exact groups"


@RULES.add(
    36,
    "A key trusts principals of one account",
    resources=(*KEY_POLICIES, "aws_kms_grant"),
    rows="K01 K06 G11",
    why="A key that the operations account, or another customer, may use protects nothing from "
    "them.",
)
def key_of_one_account(resource: Resource) -> Iterator[str]:
    if resource.kind == "aws_kms_grant":
        own = account_of(resource.text("key_id"))
        if not own.isdigit():
            yield "key_id is no ARN, which tells the account"
        elif (grantee := resource.text("grantee_principal")) and account_of(grantee) != own:
            yield f"the grant is to {grantee}, the key is of {own}"
        return
    trusted = {account for s in allows(resource) for account in principal_accounts(s)}
    arn = "" if resource.kind == "aws_kms_key_policy" else resource.text("arn")
    own = account_of(arn) if arn else ""
    if len(trusted) > 1:
        yield f"the policy trusts {len(trusted)} accounts: {', '.join(sorted(trusted))}"
    elif own and trusted - {own}:
        yield f"the policy trusts account {next(iter(trusted))}, the key is of {own}"


@RULES.add(
    37,
    "A key is rotated and waits before it is deleted",
    resources=("aws_kms_key",),
    rows="K08 K12",
    why="A deleted key takes every record with it; the waiting time is when somebody can notice.",
)
def key_lifetime(resource: Resource) -> Iterator[str]:
    if resource.value("enable_key_rotation") is not True:
        yield "enable_key_rotation is not true"
    days = resource.value("deletion_window_in_days")
    # Null is AWS's default of 30 days.
    if days is not None and int(days) < 7:
        yield f"deletion_window_in_days is {days}"
    if resource.value("bypass_policy_lockout_safety_check") is True:
        # Right for a deploy role that must not manage the keys it makes, if somebody else does.
        managers = (s for _, s in granted(resource, "kms:PutKeyPolicy") if not s.conditions)
        if not any(principal_accounts(statement) for statement in managers):
            yield "bypass_policy_lockout_safety_check is true, and the policy lets nobody manage it"


@RULES.add(
    38,
    "No subscription filter sends records to another account",
    resources=("aws_cloudwatch_log_subscription_filter",),
    rows="L09",
    why="A subscription copies every record as it comes. Only a destination of CloudWatch Logs can "
    "be of another account.",
)
def no_foreign_subscription(resource: Resource) -> Iterator[str]:
    target = resource.text("destination_arn")
    role = resource.text("role_arn")
    if _DESTINATION.fullmatch(target):
        yield f"{target} is a destination, through which another account receives records"
    elif role and account_of(role) != account_of(target):
        yield f"{target} is not of the account of {role}"


@RULES.add(
    39,
    "No policy of the account subscribes to every log group",
    resources=("aws_cloudwatch_log_account_policy",),
    rows="L10",
    why="It copies the records of every group, and DescribeSubscriptionFilters does not show it.",
)
def no_account_subscription(resource: Resource) -> Iterator[str]:
    kind = resource.text("policy_type")
    if kind == "SUBSCRIPTION_FILTER_POLICY":
        yield f"policy_type is {kind}"


@RULES.add(
    40,
    "Observability links share metrics only",
    resources=("aws_oam_link",),
    rows="G15 O01 O02",
    why="A link lets another account read log groups and traces, which hold content.",
)
def links_share_metrics(resource: Resource) -> Iterator[str]:
    shared = resource.texts("resource_types")
    if not shared:
        yield "resource_types is empty"
    for each in shared:
        if each != _METRICS:
            yield f"resource_types shares {each}"


@RULES.add(
    41,
    "Nothing here receives other accounts' logs",
    resources=(
        "aws_cloudwatch_log_delivery_destination_policy",
        "aws_cloudwatch_log_destination",
        "aws_cloudwatch_log_destination_policy",
        "aws_oam_sink_policy",
        "aws_observabilityadmin_centralization_rule_for_organization",
    ),
    rows="L11 L12 O03 O04 G17",
    why="A receiving end in the operations account is one call away from every customer's records.",
)
def no_receiver(resource: Resource) -> Iterator[str]:
    yield f"{resource.kind} takes in what other accounts log"


@RULES.add(
    42,
    "No inference profile copies a global one",
    resources=("aws_bedrock_inference_profile",),
    rows="B09 B10 B25",
    why="A global profile runs models in Regions that nobody named, contracts included.",
)
def no_global_profile(resource: Resource) -> Iterator[str]:
    sources = resource.blocks("model_source")
    if not sources:
        yield "model_source is not set"
    for source in sources:
        copied = source.text("copy_from")
        if not _NOT_GLOBAL.search(copied):
            yield f"copy_from is {copied or 'not set'}"


@RULES.add(
    43,
    "An inference profile names its customer",
    resources=("aws_bedrock_inference_profile",),
    rows="I17 P20",
    why="The tag puts a call on the customer's bill, and tells audits whose profile it is.",
)
def profile_of_a_customer(resource: Resource) -> Iterator[str]:
    if not resource.plan:
        raise Unknown("tags_all")  # what merge() makes of maps is known in plans only
    tags = resource.value("tags_all")
    customer = tags.get("bulkhead:customer") if isinstance(tags, dict) else None
    # checkov wraps the values of nested maps too.
    if customer in (None, "", [""], [None]):
        yield "the tag bulkhead:customer is missing"


@RULES.add(
    44,
    "An endpoint of Bedrock lets only named callers through",
    resources=("aws_vpc_endpoint",),
    rows="B22",
    why="With the default policy prompts leave through the endpoint under anybody's credentials.",
    applies=lambda resource: ".bedrock" in resource.text("service_name"),
)
def endpoint_for_own_callers(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        if not (pinned(statement, "aws:PrincipalArn") or pinned(statement, "aws:PrincipalAccount")):
            yield (
                f"statement {statement.label}: no StringEquals on aws:PrincipalArn or "
                "aws:PrincipalAccount"
            )
    if not resource.text("policy"):
        yield "policy is not set: everybody passes"


@RULES.add(
    45,
    "A key of a topic that EventBridge tells does not ask for the source",
    resources=KEY_POLICIES,
    rows="P15",
    why="EventBridge does not tell KMS whose rule an event is of, so with aws:SourceAccount or "
    "aws:SourceArn in the key's policy no event arrives, and nobody hears that it did not "
    "(Amazon SNS Developer Guide, sns-key-management).",
)
def events_reach_their_topic(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        services = statement.principals.services if statement.principals else frozenset()
        if not any(service.startswith("events.") for service in services):
            continue
        for key in sorted({c.key for c in statement.conditions}):
            if key.lower().startswith("aws:source"):
                yield f"statement {statement.label}: a condition on {key} lets no event in"
