"""What each statement of the organization's guardrails is there for, as data: requests that it must
deny, requests that it must not, and the condition keys that it may have.

Nothing is asked of a service: the engine decides on the policies that are attached. So a statement
of an endpoint that no cloud plays shows too, and one beside which another denies the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace

from harness.probes.guardrail_held import HELD
from harness.probes.guardrail_made import MADE
from harness.probes.guardrail_purpose import (
    ADMIN,
    AUDITOR,
    DEPLOYER,
    DESTINATION,
    EXECUTOR,
    INVOKE,
    ORGANIZATIONS_ADMIN,
    PLANNER,
    PROVIDER,
    RECORDS,
    SOMEBODY,
    SPARED,
    STOPPING,
    Asked,
    Context,
    Purpose,
    of_operations,
)
from harness.probes.guardrail_resources import CUSTOMER_RESOURCES, RESOURCES


def _each(*actions: str, resource: str = "*") -> tuple[Asked, ...]:
    return tuple(Asked(action, resource) for action in actions)


def _retention(sid: str, service: str) -> Purpose:
    action, key = f"{service}:PutAccountDataRetention", f"{service}:DataRetentionMode"
    return of_operations(
        sid,
        ("G01", "P35"),
        (Asked(action), Asked(action, context={key: "default"})),
        Asked(action, context={key: "none"}),
        ("StringNotEquals", key),
    )


MANTLE_KEEPS_NOTHING = Asked(
    "bedrock-mantle:PutAccountDataRetention", context={"bedrock-mantle:DataRetentionMode": "none"}
)

OPERATIONS = (
    of_operations(
        "InvocationLogging",
        ("G01", "P18", "L04"),
        _each("bedrock:PutModelInvocationLoggingConfiguration"),
        Asked("bedrock:GetModelInvocationLoggingConfiguration"),
    ),
    _retention("DataRetention", "bedrock"),
    _retention("DataRetentionOfMantle", "bedrock-mantle"),
    of_operations(
        "Mantle",
        ("G01", "P10"),
        _each(
            "bedrock-mantle:CreateInference",
            resource="arn:aws:bedrock-mantle:{r}:{a}:project/default",
        ),
        MANTLE_KEEPS_NOTHING,
    ),
    of_operations(
        "MantleWithoutResource",
        ("G01", "P10"),
        _each("bedrock-mantle:ListModels"),
        MANTLE_KEEPS_NOTHING,
        ("Null", "bedrock-mantle:DataRetentionMode"),
    ),
    of_operations(
        "OtherEndpoints",
        ("G01",),
        _each("bedrock-agentcore:InvokeAgentRuntime", "bedrock-websearch:InvokeSearch"),
    ),
    of_operations("BatchJobs", ("G01", "P22"), _each("bedrock:CreateModelInvocationJob")),
    of_operations(
        "StoredAnswers",
        ("G01", "P08", "P23"),
        (
            Asked("bedrock:InvokeModel", "arn:aws:bedrock:{r}:{a}:async-invoke/x"),
            Asked(
                "bedrock:InvokeModelWithResponseStream", "arn:aws:bedrock:{r}:{a}:project/default"
            ),
        ),
    ),
    of_operations(
        "ReadingStoredAnswers",
        ("G01", "P23"),
        _each(
            *("bedrock:CancelInvoke", "bedrock:DeleteInvoke", "bedrock:GetAsyncInvoke"),
            "bedrock:GetInvoke",
        ),
    ),
    of_operations("ResourcePolicies", ("G13", "P36"), _each("bedrock:PutResourcePolicy")),
    of_operations(
        "EnforcedGuardrail",
        ("B15",),
        _each(
            "bedrock:DeleteEnforcedGuardrailConfiguration",
            "bedrock:PutEnforcedGuardrailConfiguration",
        ),
    ),
    of_operations(
        "ModelsElsewhere",
        ("G03", "G04", "P06"),
        (
            Asked("bedrock:InvokeModel", "{model}", {"aws:RequestedRegion": "sa-east-1"}),
            Asked("bedrock:InvokeModel", "{model}", {"aws:RequestedRegion": "unspecified"}),
            *_each("bedrock:Retrieve", "bedrock:AgenticRetrieveStream"),
            *_each("bedrock:ApplyGuardrail", "bedrock:CountTokens"),
        ),
        INVOKE,
        ("StringNotEquals", "aws:RequestedRegion"),
    ),
)


def _changes(
    sid: str,
    rows: tuple[str, ...],
    denies: tuple[Asked, ...],
    spares: tuple[Asked, ...],
    *keys: tuple[str, str],
) -> Purpose:
    return Purpose("operations-change-scp", sid, rows, denies, spares, frozenset({SPARED, *keys}))


def _owned(
    sid: str,
    rows: tuple[str, ...],
    actions: tuple[str, ...],
    resources: tuple[str, ...],
    elsewhere: str,
    *keys: tuple[str, str],
) -> Purpose:
    """What is of those who deploy: they may, and nobody else, a fleet role least of all. What lies
    `elsewhere` is not theirs."""
    others = (SOMEBODY, ADMIN, "{fleet}")
    pairs = tuple(itertools.product(actions, resources))
    return _changes(
        sid,
        rows,
        tuple(Asked(action, resource, by=others) for action, resource in pairs),
        (
            *(Asked(action, resource, by=(DEPLOYER,)) for action, resource in pairs),
            *(Asked(action, elsewhere) for action in actions),
        ),
        *keys,
    )


_OF_DEPLOYERS = (
    (
        (DEPLOYER, PLANNER, AUDITOR),
        (
            *("AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePermissionsBoundary"),
            *("DeleteRolePolicy", "DetachRolePolicy", "PutRolePermissionsBoundary"),
            *("PutRolePolicy", "TagRole", "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole"),
        ),
    ),
    (
        ("arn:aws:iam::{o}:policy/bulkhead/bulkhead-deploy-boundary",),
        (
            *("CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion"),
            *("SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy"),
        ),
    ),
)
_TRAIL = "arn:aws:cloudtrail:{r}:{o}:trail/bulkhead-operations"
_WATCHING = (
    (_TRAIL, ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail")),
    (
        "arn:aws:events:{r}:{o}:rule/bulkhead-break-glass",
        ("DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets"),
    ),
)

CHANGES = (
    _changes(
        "ApiKeys",
        ("P33", "P34"),
        _each(
            *("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken"),
            *("iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential"),
            "iam:UpdateServiceSpecificCredential",
        ),
        (INVOKE,),
    ),
    _changes(
        "OtherIdentities",
        ("P34", "T34"),
        _each(
            *("iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"),
            *("iam:CreateOpenIDConnectProvider", "iam:CreateSAMLProvider"),
            *("iam:UpdateSAMLProvider", "iam:AddClientIDToOpenIDConnectProvider"),
            *("iam:UpdateOpenIDConnectProviderThumbprint", "iam:UpdateAccessKey"),
            *("iam:UpdateLoginProfile", "iam:DeactivateMFADevice", "iam:UpdateUser"),
            "rolesanywhere:CreateTrustAnchor",
        ),
        (Asked("iam:CreateRole", SOMEBODY), Asked("iam:GetOpenIDConnectProvider", PROVIDER)),
    ),
    _owned(
        "FleetRoles",
        ("G01", "P15", "P39"),
        (
            *("iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"),
            *("iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRole"),
            *("iam:DeleteRolePermissionsBoundary", "iam:TagRole", "iam:UntagRole"),
            *("iam:UpdateRole", "iam:UpdateRoleDescription"),
        ),
        ("{fleet}", EXECUTOR),
        SOMEBODY,
    ),
    _owned(
        "Attachments",
        ("P40",),
        ("iam:AttachRolePolicy",),
        ("{fleet}", EXECUTOR),
        SOMEBODY,
        STOPPING,
    ),
    _owned("Stops", ("C05",), ("iam:DetachRolePolicy",), ("{fleet}",), SOMEBODY),
    _owned(
        "FleetPolicies",
        ("P39",),
        (
            *("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"),
            *("iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:TagPolicy", "iam:UntagPolicy"),
        ),
        ("{boundary}",),
        "arn:aws:iam::{o}:policy/other",
    ),
    _owned(
        "Profiles",
        ("P20",),
        (
            *("bedrock:CreateInferenceProfile", "bedrock:DeleteInferenceProfile"),
            *("bedrock:TagResource", "bedrock:UntagResource"),
        ),
        ("{aip}",),
        "arn:aws:bedrock:{r}:{o}:guardrail/other",
    ),
    _changes(
        "Deployers",
        ("P14", "P15"),
        # Not even itself: it could take its own limits off.
        tuple(
            Asked(f"iam:{action}", arn, by=(SOMEBODY, ADMIN, DEPLOYER))
            for arns, actions in _OF_DEPLOYERS
            for arn, action in itertools.product(arns, actions)
        ),
        (
            Asked("iam:GetRole", DEPLOYER),
            Asked("iam:UpdateAssumeRolePolicy", "arn:aws:iam::{o}:role/other"),
        ),
    ),
    _changes(
        "Watching",
        ("G01",),
        tuple(
            Asked(f"{arn.split(':')[2]}:{action}", arn)
            for arn, actions in _WATCHING
            for action in actions
        ),
        (
            Asked("cloudtrail:StopLogging", _TRAIL, by=(DEPLOYER,)),
            Asked("events:DisableRule", "arn:aws:events:{r}:{o}:rule/other"),
        ),
    ),
    _changes(
        "Receiving",
        ("O03", "L09", "L11"),
        _each("oam:CreateSink", "oam:PutSinkPolicy")
        + _each("logs:PutDestination", "logs:PutDestinationPolicy", resource=DESTINATION),
        (Asked("oam:ListSinks"),),
    ),
)

LOGS = "AWS::Logs::LogGroup"
METRICS = Asked("oam:CreateLink", context={"oam:ResourceTypes": ("AWS::CloudWatch::Metric",)})
TAGGED: Context = {
    "aws:TagKeys": ("bulkhead:customer",),
    "aws:ResourceTag/bulkhead:customer": "acme",
}
BY_ADMIN = frozenset({("ArnLike", "aws:PrincipalArn")})
INSIGHTS = "arn:aws:cloudwatch:{r}:{a}:insight-rule/x"


def _customers(
    sid: str,
    rows: tuple[str, ...],
    denies: tuple[Asked, ...],
    spares: tuple[Asked, ...],
    *keys: tuple[str, str],
) -> Purpose:
    return Purpose("customers-scp", sid, rows, denies, spares, frozenset(keys))


def _by_admin(sid: str, rows: tuple[str, ...], *asked: tuple[str, str]) -> Purpose:
    denies = tuple(Asked(*each, by=(ORGANIZATIONS_ADMIN,)) for each in asked)
    spares = tuple(Asked(*each) for each in asked)
    return Purpose("customers-scp", sid, rows, denies, spares, BY_ADMIN)


CUSTOMERS = (
    _customers(
        "SharedLogs",
        ("G15", "O01", "O02"),
        (
            Asked("oam:CreateLink", context={"oam:ResourceTypes": (LOGS,)}),
            Asked(
                "oam:UpdateLink", context={"oam:ResourceTypes": ("AWS::CloudWatch::Metric", LOGS)}
            ),
        ),
        (METRICS,),
        ("ForAnyValue:StringNotEquals", "oam:ResourceTypes"),
    ),
    _customers(
        "SharedUnknown",
        ("G15", "O01"),
        _each("oam:CreateLink", "oam:UpdateLink"),
        (METRICS,),
        ("Null", "oam:ResourceTypes"),
    ),
    _customers(
        "WaysOut",
        ("L10", "L13", "L14", "L26"),
        _each(
            *("logs:CreateExportTask", "logs:PutAccountPolicy"),
            *("logs:CreateScheduledQuery", "logs:UpdateScheduledQuery"),
            *("logs:PutBearerTokenAuthentication", "observabilityadmin:CreateTelemetryPipeline"),
            "observabilityadmin:UpdateTelemetryPipeline",
        ),
        _each("logs:DescribeLogGroups"),
    ),
    _customers(
        "DestinationsElsewhere",
        ("L09", "L11"),
        (Asked("logs:PutSubscriptionFilter", DESTINATION, {"aws:ResourceAccount": "{o}"}),),
        (
            Asked("logs:PutSubscriptionFilter", "{group}", {"aws:ResourceAccount": "{a}"}),
            Asked(
                "logs:PutSubscriptionFilter",
                "arn:aws:logs:{r}:{a}:destination:x",
                {"aws:ResourceAccount": "{a}"},
            ),
        ),
        ("StringNotEquals", "aws:ResourceAccount"),
    ),
    _customers(
        "Tags",
        ("G11", "K01"),
        (
            Asked("kms:UntagResource", "{key}", TAGGED),
            Asked("kms:TagResource", "{key}", TAGGED),
            Asked("logs:UntagResource", "{group}", TAGGED),
            Asked("logs:UntagLogGroup", "{group}", TAGGED),
            Asked("logs:TagResource", "{group}", TAGGED),
            Asked("logs:TagLogGroup", "{group}", TAGGED),
        ),
        (
            # When it is made, and other tags of it.
            Asked("kms:TagResource", "{key}", {"aws:TagKeys": ("bulkhead:customer",)}),
            Asked("kms:UntagResource", "{key}", {**TAGGED, "aws:TagKeys": ("team",)}),
        ),
        ("ForAnyValue:StringEquals", "aws:TagKeys"),
        ("Null", "aws:ResourceTag/bulkhead:customer"),
    ),
    _by_admin(
        "ReadingByAdministrators",
        ("L15", "L21", "L24"),
        ("logs:FilterLogEvents", "{group}"),
        ("logs:GetLogEvents", RECORDS),
        ("logs:StartQuery", "{group}"),
        ("logs:StartLiveTail", "{group}"),
        ("logs:Unmask", "{group}"),
        ("logs:PutSubscriptionFilter", "{group}"),
        ("logs:CreateDelivery", "*"),
        ("logs:CreateScheduledQuery", "*"),
        ("logs:UpdateScheduledQuery", "*"),
        ("logs:AssociateSourceToS3TableIntegration", "*"),
        ("logs:ListAnomalies", "*"),
        ("logs:PutMetricFilter", "{group}"),
        ("cloudwatch:GetInsightRuleReport", INSIGHTS),
        ("cloudwatch:PutInsightRule", INSIGHTS),
        ("cloudwatch:PutManagedInsightRules", "*"),
        ("cloudwatch:PutLogAlarm", "arn:aws:cloudwatch:{r}:{a}:alarm:x"),
        ("observabilityadmin:CreateTelemetryRule", "*"),
        ("aiops:CreateInvestigation", "*"),
    ),
    _by_admin(
        "AdministratorsAsOthers",
        ("L24",),
        ("sts:AssumeRole", SOMEBODY),
        ("iam:CreateAccessKey", "arn:aws:iam::{a}:user/x"),
        ("iam:CreateLoginProfile", "arn:aws:iam::{a}:user/x"),
        ("iam:UpdateAccessKey", "arn:aws:iam::{a}:user/x"),
        ("iam:UpdateLoginProfile", "arn:aws:iam::{a}:user/x"),
        ("iam:DeactivateMFADevice", "arn:aws:iam::{a}:user/x"),
    ),
)


def _everywhere(policy: str) -> tuple[Purpose, ...]:
    leave = _each("organizations:LeaveOrganization")
    centralize = _each(
        "observabilityadmin:CreateCentralizationRuleForOrganization",
        "observabilityadmin:CreateTelemetryRuleForOrganization",
        "observabilityadmin:UpdateCentralizationRuleForOrganization",
        "observabilityadmin:UpdateTelemetryRuleForOrganization",
    )
    harmless = _each("organizations:DescribeOrganization")
    return (
        Purpose(policy, "Leaving", ("G09",), leave, harmless),
        Purpose(policy, "LogCentralization", ("G16", "G17", "O04", "O09"), centralize, harmless),
    )


def of_customer(purpose: Purpose, account: str, pods: Collection[str]) -> tuple[Purpose, ...]:
    """The purpose as it is tried in an account of a customer that has `pods` in some of its
    accounts, which become caller roles by their cluster's token: then statements of their own deny
    all other tokens, one for each such account and one for the rest."""
    if purpose.sid != "CallersForNoFederation" or not pods:
        return (purpose,)
    by_token = "sts:AssumeRoleWithWebIdentity"
    return (
        replace(purpose, denies=tuple(a for a in purpose.denies if a.action != by_token)),
        replace(
            purpose,
            sid=f"PodsOf{account}" if account in pods else "CallersForNoTokens",
            denies=tuple(a for a in purpose.denies if a.action == by_token),
        ),
    )


PURPOSES: tuple[Purpose, ...] = (
    *OPERATIONS,
    *MADE,
    *CHANGES,
    *_everywhere("operations-change-scp"),
    *CUSTOMERS,
    *_everywhere("customers-scp"),
    *HELD,
    *RESOURCES,
    *CUSTOMER_RESOURCES,
)
