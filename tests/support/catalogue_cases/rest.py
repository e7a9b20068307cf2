"""Lambda, monitoring, Bedrock and what else is covered."""

from __future__ import annotations

from support.catalogue import REGION, A, B
from support.catalogue_cases.words import MACHINE, ROLE, SINK, Case, arn, budget, need, passing

CASES: list[Case] = [
    # -- Lambda
    (
        "lambda.Invoke",
        {"FunctionName": "f"},
        [need("lambda:InvokeFunction", arn("lambda", "function:f"))],
    ),
    (
        "lambda.Invoke",
        {"FunctionName": f"{B}:function:f", "Qualifier": "prod"},
        [need("lambda:InvokeFunction", arn("lambda", "function:f:prod", B), B)],
    ),
    (
        "lambda.CreateFunction",
        {"FunctionName": "f", "Role": f"arn:aws:iam::{A}:role/app"},
        [
            need("lambda:CreateFunction", arn("lambda", "function:f")),
            # The role that bears the name decides, with its path, whatever path was written.
            passing(ROLE, "lambda.amazonaws.com"),
        ],
    ),
    (
        "lambda.GetLayerVersion",
        {"LayerName": "l", "VersionNumber": 3},
        [need("lambda:GetLayerVersion", arn("lambda", "layer:l:3"))],
    ),
    (
        "lambda.CreateEventSourceMapping",
        {"FunctionName": "f"},
        [
            need(
                "lambda:CreateEventSourceMapping",
                "*",
                keys={"lambda:FunctionArn": arn("lambda", "function:f")},
            )
        ],
    ),
    # -- watching
    (
        "cloudwatch.PutMetricData",
        {"Namespace": "N"},
        [need("cloudwatch:PutMetricData", "*", keys={"cloudwatch:namespace": "N"})],
    ),
    (
        "cloudwatch.DeleteAlarms",
        {"AlarmNames": ["a", "b"]},
        [need("cloudwatch:DeleteAlarms", arn("cloudwatch", f"alarm:{n}")) for n in "ab"],
    ),
    (
        "cloudwatch.DescribeAlarms",
        {},
        [need("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*"))],
    ),
    (
        "cloudwatch.GetDashboard",
        {"DashboardName": "d"},
        [need("cloudwatch:GetDashboard", f"arn:aws:cloudwatch::{A}:dashboard/d")],
    ),
    (
        "cloudwatch.PutMetricStream",
        {"Name": "s", "RoleArn": ROLE},
        [
            need("cloudwatch:PutMetricStream", arn("cloudwatch", "metric-stream/s")),
            passing(ROLE, "streams.metrics.cloudwatch.amazonaws.com"),
        ],
    ),
    (
        "cloudtrail.CreateTrail",
        {"Name": "t", "CloudWatchLogsRoleArn": ROLE},
        [
            need("cloudtrail:CreateTrail", arn("cloudtrail", "trail/t")),
            passing(ROLE, "cloudtrail.amazonaws.com"),
        ],
    ),
    (
        "cloudtrail.GetTrail",
        {"Name": f"arn:aws:cloudtrail:us-east-1:{A}:trail/t"},
        [need("cloudtrail:GetTrail", f"arn:aws:cloudtrail:us-east-1:{A}:trail/t")],
    ),
    ("cloudtrail.LookupEvents", {}, [need("cloudtrail:LookupEvents", "*")]),
    ("oam.CreateSink", {"Name": "s"}, [need("oam:CreateSink", "*")]),
    ("oam.PutSinkPolicy", {"SinkIdentifier": SINK}, [need("oam:PutSinkPolicy", SINK, B)]),
    (
        "oam.UpdateLink",
        {"Identifier": arn("oam", "link/1"), "ResourceTypes": ["AWS::XRay::Trace"]},
        [
            need(
                "oam:UpdateLink",
                arn("oam", "link/1"),
                keys={"oam:ResourceTypes": "AWS::XRay::Trace"},
            ),
            need("xray:Link", "*"),
        ],
    ),
    (
        "observabilityadmin.ListCentralizationRulesForOrganization",
        {},
        [need("observabilityadmin:ListCentralizationRulesForOrganization", "*")],
    ),
    (
        "observabilityadmin.DeleteTelemetryRuleForOrganization",
        {"RuleIdentifier": "r"},
        [
            need(
                "observabilityadmin:DeleteTelemetryRuleForOrganization",
                arn("observabilityadmin", "organization-telemetry-rule/r"),
            )
        ],
    ),
    ("xray.BatchGetTraces", {"TraceIds": ["1-2-3"]}, [need("xray:BatchGetTraces", "*")]),
    (
        "xray.UpdateTraceSegmentDestination",
        {"Destination": "CloudWatchLogs"},
        [need("xray:UpdateTraceSegmentDestination", "*")],
    ),
    (
        "oam.CreateLink",
        {"SinkIdentifier": SINK, "ResourceTypes": ["AWS::Logs::LogGroup", "AWS::XRay::Trace"]},
        [
            *(
                need(
                    "oam:CreateLink",
                    resource,
                    owner,
                    keys={"oam:ResourceTypes": ("AWS::Logs::LogGroup", "AWS::XRay::Trace")},
                )
                for resource, owner in ((arn("oam", "link/*"), A), (SINK, B))
            ),
            need("logs:Link", "*"),
            need("xray:Link", "*"),
        ],
    ),
    (
        "observabilityadmin.CreateCentralizationRuleForOrganization",
        {
            "RuleName": "r",
            "Rule": {
                "Source": {"Regions": [REGION, "us-east-1"]},
                "Destination": {"Account": B, "Region": REGION},
            },
        },
        [
            need(
                "observabilityadmin:CreateCentralizationRuleForOrganization",
                arn("observabilityadmin", "organization-centralization-rule/r"),
                keys={
                    "observabilityadmin:CentralizationRuleName": "r",
                    "observabilityadmin:CentralizationDestinationAccount": B,
                    "observabilityadmin:CentralizationDestinationRegion": REGION,
                    "observabilityadmin:CentralizationSourceRegions": (REGION, "us-east-1"),
                },
            )
        ],
    ),
    # -- the rest
    (
        "ssm.GetParameter",
        {"Name": "/a/b:3"},
        [need("ssm:GetParameter", arn("ssm", "parameter/a/b"))],
    ),
    (
        "ssm.GetParameters",
        {"Names": ["a", "/b"]},
        [need("ssm:GetParameters", arn("ssm", f"parameter/{n}")) for n in "ab"],
    ),
    (
        "secretsmanager.GetSecretValue",
        {"SecretId": "db"},
        [
            need(
                "secretsmanager:GetSecretValue",
                arn("secretsmanager", "secret:db-AbCdEf"),
                keys={"secretsmanager:SecretId": "db"},
            )
        ],
    ),
    (
        "secretsmanager.GetSecretValue",
        {"SecretId": "nothing"},
        [
            need(
                "secretsmanager:GetSecretValue",
                arn("secretsmanager", "secret:nothing-??????"),
                keys={"secretsmanager:SecretId": "nothing"},
            )
        ],
    ),
    (
        "secretsmanager.GetSecretValue",
        {"SecretId": arn("secretsmanager", "secret:s-AbCdEf")},
        [
            need(
                "secretsmanager:GetSecretValue",
                arn("secretsmanager", "secret:s-AbCdEf"),
                keys={"secretsmanager:SecretId": arn("secretsmanager", "secret:s-AbCdEf")},
            )
        ],
    ),
    (
        "dynamodb.Query",
        {"TableName": "t", "IndexName": "i"},
        [need("dynamodb:Query", arn("dynamodb", "table/t/index/i"))],
    ),
    (
        "dynamodb.BatchGetItem",
        {"RequestItems": {"t": {}, "u": {}}},
        [need("dynamodb:BatchGetItem", arn("dynamodb", f"table/{n}")) for n in "tu"],
    ),
    (
        "dynamodb.TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]},
        [
            need("dynamodb:PutItem", arn("dynamodb", "table/t")),
            need("dynamodb:ConditionCheckItem", arn("dynamodb", "table/u")),
        ],
    ),
    (
        "budgets.CreateBudget",
        {"AccountId": B, "Budget": {"BudgetName": "b"}},
        [need("budgets:ModifyBudget", budget("b", B), B)],
    ),
    (
        "budgets.CreateBudgetAction",
        {"AccountId": A, "BudgetName": "b", "ExecutionRoleArn": ROLE},
        [
            need("budgets:CreateBudgetAction", budget("b/action/*")),
            passing(ROLE, "budgets.amazonaws.com"),
        ],
    ),
    (
        "stepfunctions.CreateStateMachine",
        {"name": "m", "roleArn": ROLE},
        [need("states:CreateStateMachine", MACHINE), passing(ROLE, "states.amazonaws.com")],
    ),
    (
        "stepfunctions.StartExecution",
        {"stateMachineArn": MACHINE},
        [need("states:StartExecution", MACHINE)],
    ),
    (
        "account.EnableRegion",
        {"RegionName": "eu-south-1"},
        [
            need(
                "account:EnableRegion",
                f"arn:aws:account::{A}:account",
                keys={"account:TargetRegion": "eu-south-1"},
            )
        ],
    ),
    ("ec2.DescribeRegions", {}, [need("ec2:DescribeRegions", "*")]),
    ("ce.GetCostAndUsage", {}, [need("ce:GetCostAndUsage", "*")]),
    (
        "kinesis.PutRecord",
        {"StreamName": "s"},
        [need("kinesis:PutRecord", arn("kinesis", "stream/s"))],
    ),
    (
        "firehose.PutRecord",
        {"DeliveryStreamName": "d"},
        [need("firehose:PutRecord", arn("firehose", "deliverystream/d"))],
    ),
    ("xray.PutTraceSegments", {}, [need("xray:PutTraceSegments", "*")]),
    ("organizations.DescribeOrganization", {}, [need("organizations:DescribeOrganization", "*")]),
    # -- Bedrock
    (
        "bedrock.PutModelInvocationLoggingConfiguration",
        {"loggingConfig": {"cloudWatchConfig": {"logGroupName": "/x", "roleArn": ROLE}}},
        [
            need("bedrock:PutModelInvocationLoggingConfiguration", "*"),
            passing(ROLE, "bedrock.amazonaws.com"),
        ],
    ),
    (
        "bedrock-runtime.Converse",
        {"modelId": "amazon.nova-lite-v1:0"},
        [
            need(
                "bedrock:InvokeModel",
                f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0",
                "",
            )
        ],
    ),
    (
        "bedrock.GetGuardrail",
        {"guardrailIdentifier": "g"},
        [need("bedrock:GetGuardrail", arn("bedrock", "guardrail/g"))],
    ),
]
