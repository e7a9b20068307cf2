"""What nobody gave the roles that deploy an account, as data: a request for each right.

Where somebody gave them more, these would be theirs; what no grant can give is in `deploy_rights`.
`NOT_GRANTED` is for both roles, `NOT_TO_PLAN` is what only the deploy role has.
"""

from __future__ import annotations

from harness.probes.deploy_rights import BOUNDARY, EVERYTHING, ROLE, logs
from harness.probes.fleet_rights import TRUST_NOBODY, Right

NOT_GRANTED = [
    logs(
        ("L20",),
        "keep other records for a day only",
        "put_retention_policy",
        "arn:aws:logs:{r}:{a}:log-group:{name}",
        "arn:aws:logs:{r}:{a}:log-group:{name}:log-stream:",
        logGroupName="{name}",
        retentionInDays=1,
    ),
    Right(
        ("P14",),
        "make a role that is none of its own",
        "iam",
        "create_role",
        "iam:CreateRole",
        (f"{ROLE}/{{name}}",),
        {
            "RoleName": "{name}",
            "AssumeRolePolicyDocument": TRUST_NOBODY,
            "PermissionsBoundary": BOUNDARY,
        },
        ("delete_role", {"RoleName": "{name}"}),
    ),
    Right(
        ("P17",),
        "list buckets",
        "s3",
        "list_buckets",
        "s3:ListAllMyBuckets",
        ("*", "arn:aws:s3:::*"),
        {},
    ),
    Right(
        ("P21",),
        "list roles",
        "iam",
        "list_roles",
        "iam:ListRoles",
        (f"{ROLE}/", "*"),
        {},
    ),
]

ALARMS = [
    Right(
        ("P14",),
        "make an alarm that stops an instance",
        "cloudwatch",
        "put_metric_alarm",
        "cloudwatch:PutMetricAlarm",
        ("arn:aws:cloudwatch:{r}:{a}:alarm:{alarm}-{name}",),
        {
            "AlarmName": "{alarm}-{name}",
            "Namespace": "probe",
            "MetricName": "probe",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "ActionsEnabled": False,
            "AlarmActions": ["arn:aws:automate:{r}:ec2:stop"],
        },
        ("delete_alarms", {"AlarmNames": ["{alarm}-{name}"]}),
    ),
]
"""Not granted where alarms are."""

NOT_TO_PLAN = [
    Right(
        ("P14", "P39"),
        "make a role, be it with the boundary",
        "iam",
        "create_role",
        "iam:CreateRole",
        (f"{ROLE}{{made_path}}{{name}}",),
        {
            "RoleName": "{name}",
            "Path": "{made_path}",
            "AssumeRolePolicyDocument": TRUST_NOBODY,
            "PermissionsBoundary": BOUNDARY,
        },
        ("delete_role", {"RoleName": "{name}"}),
    ),
    logs(
        ("L18", "L20"),
        "change how long records are kept",
        "put_retention_policy",
        logGroupName="{group}",
        retentionInDays=365,
    ),
    Right(
        ("P20",),
        "make a profile",
        "bedrock",
        "create_inference_profile",
        "bedrock:CreateInferenceProfile",
        (
            "arn:aws:bedrock:{r}:{a}:application-inference-profile/*",
            "arn:aws:bedrock:{r}::foundation-model/{model}",
        ),
        {
            "inferenceProfileName": "{name}",
            "modelSource": {"copyFrom": "arn:aws:bedrock:{r}::foundation-model/{model}"},
        },
        ("delete_inference_profile", {"inferenceProfileIdentifier": "{name}"}),
    ),
]

IN_MANAGEMENT = [
    Right(
        ("G09",),
        "take a guardrail from an account",
        "organizations",
        "detach_policy",
        "organizations:DetachPolicy",
        ("{guardrail_arn}",),
        {"PolicyId": "{guardrail_id}", "TargetId": "{operations}"},
        ("attach_policy", {"PolicyId": "{guardrail_id}", "TargetId": "{operations}"}),
    ),
]
"""What the plan role of the management account must not be able to do beside `NOT_TO_PLAN`."""

IN_OPERATIONS = [
    Right(
        ("P39", "P14"),
        "make a role elsewhere within a boundary that it writes itself",
        "iam",
        "create_role",
        "iam:CreateRole",
        (f"{ROLE}/bulkhead-probe/{{name}}",),
        {
            "RoleName": "{name}",
            "Path": "/bulkhead-probe/",
            "AssumeRolePolicyDocument": TRUST_NOBODY,
            "PermissionsBoundary": "{fleet_boundary}",
        },
        ("delete_role", {"RoleName": "{name}"}),
    ),
    Right(
        ("O16", "C05"),
        "have the alarms of spending told to somebody else",
        "events",
        "put_targets",
        "events:PutTargets",
        ("arn:aws:events:{r}:{a}:rule/bulkhead-spend-stop",),
        {
            "Rule": "bulkhead-spend-stop",
            "Targets": [{"Id": "{name}", "Arn": "arn:aws:sqs:{r}:{a}:{name}"}],
        },
        ("remove_targets", {"Rule": "bulkhead-spend-stop", "Ids": ["{name}"]}),
    ),
    Right(
        ("C05", "P14"),
        "make a budget that is none of the spend controls'",
        "budgets",
        "create_budget",
        "budgets:ModifyBudget",
        ("arn:aws:budgets::{a}:budget/{name}",),
        {
            "AccountId": "{a}",
            "Budget": {
                "BudgetName": "{name}",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "1", "Unit": "USD"},
            },
        },
        ("delete_budget", {"AccountId": "{a}", "BudgetName": "{name}"}),
    ),
]
"""What neither role of the operations account can do beside `NOT_GRANTED`."""

PASSED_ON = [
    Right(
        ("P14", "P40"),
        "have a budget act through a role that is none of its own",
        "budgets",
        "create_budget_action",
        "iam:PassRole",
        (f"{ROLE}/bulkhead/{{made}}",),
        {
            "AccountId": "{a}",
            "BudgetName": "bulkhead-spend-{name}",
            "NotificationType": "ACTUAL",
            "ActionType": "APPLY_IAM_POLICY",
            "ActionThreshold": {
                "ActionThresholdValue": 100.0,
                "ActionThresholdType": "PERCENTAGE",
            },
            "Definition": {
                "IamActionDefinition": {"PolicyArn": EVERYTHING, "Roles": ["{made}"]},
            },
            "ExecutionRoleArn": f"{ROLE}/bulkhead/{{made}}",
            "ApprovalModel": "MANUAL",
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "probe@example.com"}],
        },
    ),
]
"""What the deploy role of operations cannot, whatever it is given: hand a service a role."""
