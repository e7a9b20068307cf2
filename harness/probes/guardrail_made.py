"""What the guardrails of operations say about the roles that the deploy role makes, and about what
watches and stops, as data: see `guardrail_requests`."""

from __future__ import annotations

from harness.probes.guardrail_purpose import (
    ALARM,
    DEPLOYER,
    EXECUTOR,
    SOMEBODY,
    Asked,
    Purpose,
    of_operations,
)


def _made(
    sid: str,
    rows: tuple[str, ...],
    who: str,
    denies: tuple[tuple[str, str], ...],
    spares: tuple[Asked, ...],
) -> Purpose:
    """What a role that the deploy role makes does not do, whatever it was given: others may."""
    return Purpose(
        "operations-scp",
        sid,
        rows,
        tuple(Asked(*each, by=(who,)) for each in denies),
        (*spares, *(Asked(*each, by=(SOMEBODY,)) for each in denies)),
        frozenset({("ArnLike", "aws:PrincipalArn")}),
    )


WATCHED = tuple(
    (action, resource)
    for resource, *actions in (
        (
            ALARM,
            *("cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:SetAlarmState"),
            *("cloudwatch:DisableAlarmActions", "cloudwatch:PutCompositeAlarm"),
        ),
        ("arn:aws:budgets::{o}:budget/bulkhead-spend-x", "budgets:ModifyBudget"),
        (
            "arn:aws:budgets::{o}:budget/bulkhead-spend-x/action/x",
            *("budgets:DeleteBudgetAction", "budgets:UpdateBudgetAction"),
        ),
        ("arn:aws:cloudwatch:{r}:{o}:alarm-mute-rule:quiet", "cloudwatch:PutAlarmMuteRule"),
        (
            "arn:aws:iam::{o}:role/bulkhead/bulkhead-break-glass-events",
            *("iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:DeleteRole"),
            *("iam:PutRolePermissionsBoundary", "iam:UpdateAssumeRolePolicy"),
            *("iam:AttachRolePolicy", "iam:DetachRolePolicy"),
        ),
        (
            "arn:aws:s3:::bulkhead-trail-{o}-{r}",
            *("s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy"),
            *("s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"),
        ),
        (
            "arn:aws:states:{r}:{o}:stateMachine:bulkhead-spend-stop",
            *("states:UpdateStateMachine", "states:DeleteStateMachine"),
        ),
    )
    for action in actions
)

MADE = (
    _made(
        "FleetRolesOnlyCall",
        ("P14", "P39", "C01"),
        "{fleet}",
        (
            ("iam:UpdateAssumeRolePolicy", SOMEBODY),
            ("ssm:GetParameter", "arn:aws:ssm:{r}:{o}:parameter/x"),
            ("sts:AssumeRole", SOMEBODY),
            ("bedrock:CreateInferenceProfile", "{aip}"),
        ),
        (
            Asked("bedrock:InvokeModel", "{aip}", {"aws:RequestedRegion": "{r}"}, by=("{fleet}",)),
            Asked("bedrock:CountTokens", "{model}", by=("{fleet}",)),
            Asked("bedrock:GetInferenceProfile", "{aip}", by=("{fleet}",)),
        ),
    ),
    _made(
        "SpendRolesOnlyStop",
        ("P14", "P39"),
        EXECUTOR,
        (
            ("iam:CreateRole", SOMEBODY),
            ("iam:DetachRolePolicy", SOMEBODY),
            ("s3:ListAllMyBuckets", "*"),
        ),
        (
            Asked("iam:AttachRolePolicy", "{fleet}", by=(EXECUTOR,)),
            Asked(
                "states:StartExecution",
                "arn:aws:states:{r}:{o}:stateMachine:bulkhead-spend-stop",
                by=(EXECUTOR,),
            ),
        ),
    ),
    of_operations(
        "WatchingByOthers",
        ("G17", "P15"),
        tuple(Asked(*each) for each in WATCHED),
        Asked(*WATCHED[0], by=(DEPLOYER,)),
    ),
)
