"""Rules for what identity policies may allow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.checkov.invariants.planned import Resource
from harness.checkov.invariants.policies import (
    ATTACHMENTS,
    IDENTITY_POLICIES,
    all_match,
    granted,
    grants_something,
    has_wildcard,
    pinned,
    services_granted,
)
from harness.checkov.invariants.rule import Rules

RULES = Rules()
_PROFILE = re.compile(
    r"arn:[a-z-]+:bedrock:[a-z0-9-]+:\d{12}:application-inference-profile/[a-z0-9]+"
)
_ANY_PROFILE = re.compile(
    r"arn:[a-z-]+:bedrock:[a-z0-9-]+:\d{12}:(application-)?inference-profile/[a-z0-9.:-]+"
)
_MODEL = re.compile(r"arn:[a-z-]+:bedrock:[a-z0-9-]+::foundation-model/[A-Za-z0-9.:-]+")
_ONE_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")
_ONE_GROUP = re.compile(
    r"arn:[a-z-]+:logs:[a-z0-9-]+:\d{12}:log-group:[A-Za-z0-9_./#-]+(:\*|:log-stream:[^:]*)?"
)
_ONE_KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")

_READS = (
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetLogObject",
    "logs:GetLogRecord",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "logs:Unmask",
)
_COPIES = ("logs:CreateExportTask", "logs:PutSubscriptionFilter")
_STORES = (
    "bedrock:CreateModelInvocationJob",
    "bedrock:CreateSession",
    "bedrock:GetAsyncInvoke",
    "bedrock:GetInvoke",
    "bedrock:PutInvocationStep",
)
_KEYS = (
    "bedrock:CallWithBearerToken",
    "bedrock-mantle:CallWithBearerToken",
    "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential",
)
_OTHER_ENDPOINTS = ("bedrock-agentcore", "bedrock-mantle", "bedrock-websearch")
_MANTLE_RETENTION = {
    "bedrock-mantle:getaccountdataretention",
    "bedrock-mantle:putaccountdataretention",
}
_BROAD = re.compile(
    r"arn:[a-z-]+:iam::aws:policy/(job-function/)?"
    r"(AdministratorAccess.*|PowerUserAccess|IAMFullAccess|ReadOnlyAccess|ViewOnlyAccess"
    r"|AmazonBedrock.*|CloudWatch(Logs)?(Full|ReadOnly)Access.*|SystemAdministrator)"
)


def _unnamed(resources: tuple[str, ...] | None, pattern: re.Pattern[str]) -> list[str]:
    """Those of a statement's resources that are not one named thing of that kind."""
    return [each for each in resources or () if not pattern.fullmatch(each)]


@RULES.add(
    19,
    "Models are called through named inference profiles only",
    resources=IDENTITY_POLICIES,
    rows="P02 P03 P04 P05 P06 P23 B01 B09 B17 B18 B19 B20",
    why="A model called past the customer's own profile is paid by nobody in particular and cannot "
    "be stopped per customer; a wildcard reaches other customers' profiles, stored answers and "
    "other Regions.",
    applies=grants_something,
)
def models_through_profiles(resource: Resource) -> Iterator[str]:
    for action, statement in granted(
        resource, "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"
    ):
        through = pinned(statement, "bedrock:InferenceProfileArn")
        for each in _unnamed(statement.resources, _PROFILE):
            if not _MODEL.fullmatch(each):
                yield f"statement {statement.label} allows {action} on {each}"
            elif not through or not all_match(through, _ANY_PROFILE):
                yield (
                    f"statement {statement.label} allows {action} on {each} without a named "
                    "profile in bedrock:InferenceProfileArn"
                )
        if statement.not_resource:
            yield f"statement {statement.label} allows {action} by NotResource"


@RULES.add(
    20,
    "No policy allows to turn on model invocation logging",
    resources=IDENTITY_POLICIES,
    rows="P01 P18 L04 G01",
    why="One call makes every customer's prompts and answers come to rest in the account.",
    applies=grants_something,
)
def no_invocation_logging_right(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, "bedrock:PutModelInvocationLoggingConfiguration"):
        yield f"statement {statement.label} allows {action}"


@RULES.add(
    21,
    "No policy allows what stores prompts or answers, or reads them back",
    resources=IDENTITY_POLICIES,
    rows="P08 P22 P23 P28 B01 B02 B06 B07",
    why="Batch and asynchronous jobs, sessions and the Responses API keep content in the account.",
    applies=grants_something,
)
def nothing_stored(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, *_STORES):
        yield f"statement {statement.label} allows {action}"


@RULES.add(
    22,
    "No policy allows API keys of Bedrock",
    resources=IDENTITY_POLICIES,
    rows="P33 P34 B24",
    why="A bearer token works for whoever holds it, from anywhere, and a long-term one for ever.",
    applies=grants_something,
)
def no_api_keys(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, *_KEYS):
        yield f"statement {statement.label} allows {action}"


@RULES.add(
    23,
    "No policy allows the other endpoints of Bedrock",
    resources=IDENTITY_POLICIES,
    rows="P10 P30 B03 B14 G02",
    why="Mantle, AgentCore and web search have neither the conditions of fleet roles nor enforced "
    "guardrails; the default project of Mantle is shared by all customers.",
    applies=grants_something,
)
def no_other_endpoints(resource: Resource) -> Iterator[str]:
    for action, statement in services_granted(resource, *_OTHER_ENDPOINTS):
        if action.lower() not in _MANTLE_RETENTION:
            yield f"statement {statement.label} allows {action}"


@RULES.add(
    24,
    "No policy shares guardrails, models or agents with others",
    resources=IDENTITY_POLICIES,
    rows="P36 G13",
    why="Resource control policies do not reach Bedrock, so a resource policy is not held by one.",
    applies=grants_something,
)
def no_sharing(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, "bedrock:PutResourcePolicy"):
        yield f"statement {statement.label} allows {action}"


@RULES.add(
    25,
    "Roles are assumed by name",
    resources=IDENTITY_POLICIES,
    rows="P16 C02",
    why="A wildcard reaches every role that trusts the account, other customers' fleet roles too.",
    applies=grants_something,
)
def roles_by_name(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, "sts:AssumeRole"):
        for each in _unnamed(statement.resources, _ONE_ROLE):
            yield f"statement {statement.label} allows {action} on {each}"


@RULES.add(
    26,
    "Roles are passed by name, or to named services",
    resources=IDENTITY_POLICIES,
    rows="P14",
    why="Who may pass any role to any service has the rights of every role in the account.",
    applies=grants_something,
)
def roles_passed_by_name(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, "iam:PassRole"):
        unnamed = _unnamed(statement.resources, _ONE_ROLE)
        to_services = pinned(statement, "iam:PassedToService")
        for each in unnamed:
            whole = each == "*" or each.endswith(":role/*")
            if whole or not to_services or any(map(has_wildcard, to_services)):
                yield f"statement {statement.label} allows {action} on {each}"


@RULES.add(
    27,
    "Log content is read and copied from named log groups only",
    resources=IDENTITY_POLICIES,
    rows="L02 P07 P11",
    why="Who reads every group reads every record, and every copy that somebody makes.",
    applies=grants_something,
)
def reads_by_name(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, *_READS, *_COPIES):
        for each in _unnamed(statement.resources, _ONE_GROUP):
            yield f"statement {statement.label} allows {action} on {each}"


@RULES.add(
    28,
    "Records are written to named log groups only",
    resources=IDENTITY_POLICIES,
    rows="P11 L02",
    why="A writer that may choose the group, or make one, writes where nobody set a key, a "
    "retention or readers; in the operations account nobody writes at all.",
    applies=grants_something,
)
def writes_by_name(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, "logs:PutLogEvents", "logs:CreateLogStream"):
        for each in _unnamed(statement.resources, _ONE_GROUP):
            yield f"statement {statement.label} allows {action} on {each}"


@RULES.add(
    29,
    "Keys are used by name and through a service",
    resources=IDENTITY_POLICIES,
    rows="K07",
    why="With kms:ViaService the key opens log records for who may read the group, and nothing "
    "else that somebody encrypted under it. The exact encryption context of log groups names a key "
    "as well as its ARN.",
    applies=grants_something,
)
def keys_through_services(resource: Resource) -> Iterator[str]:
    for action, statement in granted(resource, "kms:Decrypt", "kms:ReEncryptFrom"):
        contexts = pinned(statement, "kms:EncryptionContext:aws:logs:arn")
        if not contexts or any(map(has_wildcard, contexts)):
            for each in _unnamed(statement.resources, _ONE_KEY):
                yield f"statement {statement.label} allows {action} on {each}"
        services = pinned(statement, "kms:ViaService")
        if not services or any(map(has_wildcard, services)):
            yield f"statement {statement.label} allows {action} without kms:ViaService"


@RULES.add(
    30,
    "No broad policy of AWS is attached",
    resources=sorted(ATTACHMENTS),
    rows="P09 P10 I18",
    why="AWS changes its policies, and those of Bedrock, CloudWatch and administrators read "
    "content, list customers and change logging.",
)
def no_broad_policy(resource: Resource) -> Iterator[str]:
    for arn in resource.texts(ATTACHMENTS[resource.kind]):
        if _BROAD.fullmatch(arn):
            yield f"{arn} is attached"


@RULES.add(
    31,
    "There are no users, passwords or access keys",
    resources=(
        "aws_iam_access_key",
        "aws_iam_service_specific_credential",
        "aws_iam_user",
        "aws_iam_user_login_profile",
    ),
    rows="P34",
    why="People and pipelines come through roles; keys outlive whoever made them.",
)
def no_users(resource: Resource) -> Iterator[str]:
    yield f"{resource.kind} is an identity that does not expire"
