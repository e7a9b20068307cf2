"""Concrete calls and the permissions AWS decides them on."""

from __future__ import annotations

from typing import Any

import pytest
from support.catalogue import KEY, KEY_ARN, REGION, SESSION, USER, A, B, Names, Organized, call

from harness.cloud.bedrock import BedrockSettings, needs_bedrock
from harness.cloud.call import Caller
from harness.cloud.catalogue import needs

ROLE = f"arn:aws:iam::{A}:role/teams/app"
ANN = f"arn:aws:iam::{A}:user/people/ann"
THEIR_ROLE = f"arn:aws:iam::{B}:role/theirs"
GROUP = f"arn:aws:logs:{REGION}:{A}:log-group:/app"
TRAIL_GROUP = f"arn:aws:logs:{REGION}:{A}:log-group::log-stream:"
POLICY = f"arn:aws:iam::{A}:policy/p"
SINK = f"arn:aws:oam:{REGION}:{B}:sink/1"
TOPIC = f"arn:aws:sns:{REGION}:{A}:t"
MACHINE = f"arn:aws:states:{REGION}:{A}:stateMachine:m"
TAGS = [{"Key": "team", "Value": "red"}]
TAGGED = {"aws:RequestTag/team": "red", "aws:TagKeys": ("team",)}
CALLER_KEY = {"kms:CallerAccount": A}
ENCRYPTED = {**CALLER_KEY, "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

Expected = tuple[str, str, str, dict[str, Any]]


def need(action: str, resource: str, owner: str = A, **context: Any) -> Expected:
    keys = context.pop("keys", {})
    if action.startswith("s3:") and resource != "*":
        keys = {**keys, "s3:ResourceAccount": owner}
    return action, resource, "" if resource == "*" else owner, keys


def passing(resource: str, service: str) -> Expected:
    return need("iam:PassRole", resource, keys={"iam:PassedToService": service})


def arn(service: str, rest: str, owner: str = A) -> str:
    return f"arn:aws:{service}:{REGION}:{owner}:{rest}"


def budget(rest: str, owner: str = A) -> str:
    return f"arn:aws:budgets::{owner}:budget/{rest}"


CASES: list[tuple[str, dict[str, Any], list[Expected]]] = [
    # -- IAM
    ("iam.GetRole", {"RoleName": "app"}, [need("iam:GetRole", ROLE)]),
    ("iam.GetRole", {"RoleName": "gone"}, [need("iam:GetRole", f"arn:aws:iam::{A}:role/gone")]),
    (
        "iam.CreateRole",
        {
            "RoleName": "new",
            "Path": "/teams/",
            "AssumeRolePolicyDocument": "{}",
            "PermissionsBoundary": POLICY,
            "Tags": TAGS,
        },
        [
            need(
                f"iam:{action}",
                f"arn:aws:iam::{A}:role/teams/new",
                keys={**TAGGED, "iam:PermissionsBoundary": POLICY},
            )
            for action in ("CreateRole", "TagRole")
        ],
    ),
    (
        "iam.CreateRole",
        {"RoleName": "new", "AssumeRolePolicyDocument": "{}"},
        [need("iam:CreateRole", f"arn:aws:iam::{A}:role/new")],
    ),
    (
        "iam.AttachRolePolicy",
        {"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        [
            need(
                "iam:AttachRolePolicy",
                ROLE,
                keys={"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            )
        ],
    ),
    (
        "iam.PutRolePermissionsBoundary",
        {"RoleName": "app", "PermissionsBoundary": POLICY},
        [need("iam:PutRolePermissionsBoundary", ROLE, keys={"iam:PermissionsBoundary": POLICY})],
    ),
    ("iam.GetUser", {"UserName": "ann"}, [need("iam:GetUser", ANN)]),
    ("iam.GetUser", {}, [need("iam:GetUser", ANN)]),
    (
        "iam.CreateAccessKey",
        {"UserName": "bob"},
        [need("iam:CreateAccessKey", f"arn:aws:iam::{A}:user/bob")],
    ),
    (
        "iam.CreateServiceSpecificCredential",
        {"UserName": "ann", "ServiceName": "bedrock.amazonaws.com", "CredentialAgeDays": 30},
        [
            need(
                "iam:CreateServiceSpecificCredential",
                ANN,
                keys={
                    "iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com",
                    "iam:ServiceSpecificCredentialAgeDays": "30",
                },
            )
        ],
    ),
    (
        "iam.AddUserToGroup",
        {"GroupName": "devs", "UserName": "ann"},
        [need("iam:AddUserToGroup", f"arn:aws:iam::{A}:group/devs")],
    ),
    (
        "iam.GetPolicy",
        {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        [need("iam:GetPolicy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "")],
    ),
    (
        "iam.CreatePolicy",
        {"PolicyName": "p", "Path": "/x/"},
        [need("iam:CreatePolicy", f"arn:aws:iam::{A}:policy/x/p")],
    ),
    ("iam.ListRoles", {}, [need("iam:ListRoles", f"arn:aws:iam::{A}:role/")]),
    (
        "iam.ListRoles",
        {"PathPrefix": "/teams/"},
        [need("iam:ListRoles", f"arn:aws:iam::{A}:role/teams/")],
    ),
    ("iam.GetAccountAuthorizationDetails", {}, [need("iam:GetAccountAuthorizationDetails", "*")]),
    (
        "iam.UntagRole",
        {"RoleName": "app", "TagKeys": ["team"]},
        [need("iam:UntagRole", ROLE, keys={"aws:TagKeys": ("team",)})],
    ),
    (
        "iam.AddRoleToInstanceProfile",
        {"InstanceProfileName": "web", "RoleName": "app"},
        [
            need("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{A}:instance-profile/web/web"),
            passing(ROLE, "ec2.amazonaws.com"),
        ],
    ),
    (
        "iam.CreateServiceLinkedRole",
        {"AWSServiceName": "lex.amazonaws.com"},
        [
            need(
                "iam:CreateServiceLinkedRole",
                f"arn:aws:iam::{A}:role/aws-service-role/lex.amazonaws.com/AWSServiceRoleFor*",
                keys={"iam:AWSServiceName": "lex.amazonaws.com"},
            )
        ],
    ),
    (
        "iam.CreateOpenIDConnectProvider",
        {"Url": "https://token.actions.githubusercontent.com"},
        [
            need(
                "iam:CreateOpenIDConnectProvider",
                f"arn:aws:iam::{A}:oidc-provider/token.actions.githubusercontent.com",
            )
        ],
    ),
    (
        "iam.UpdateUser",
        {"UserName": "ann", "NewUserName": "eve"},
        [
            need("iam:UpdateUser", ANN),
            need("iam:UpdateUser", f"arn:aws:iam::{A}:user/people/eve"),
        ],
    ),
    # -- STS
    (
        "sts.AssumeRole",
        {"RoleArn": THEIR_ROLE, "RoleSessionName": "s", "ExternalId": "e"},
        [
            need(
                "sts:AssumeRole",
                THEIR_ROLE,
                B,
                keys={"sts:ExternalId": "e", "sts:RoleSessionName": "s"},
            )
        ],
    ),
    (
        "sts.AssumeRole",
        {
            "RoleArn": THEIR_ROLE,
            "RoleSessionName": "s",
            "ExternalId": "e",
            "SourceIdentity": "ann",
            "Tags": TAGS,
            "TransitiveTagKeys": ["team"],
        },
        [
            need(
                "sts:AssumeRole",
                THEIR_ROLE,
                B,
                keys={
                    **TAGGED,
                    "sts:TransitiveTagKeys": ("team",),
                    "sts:ExternalId": "e",
                    "sts:RoleSessionName": "s",
                    "sts:SourceIdentity": "ann",
                },
            ),
            need(
                "sts:TagSession", THEIR_ROLE, B, keys={**TAGGED, "sts:TransitiveTagKeys": ("team",)}
            ),
            need("sts:SetSourceIdentity", THEIR_ROLE, B, keys={"sts:SourceIdentity": "ann"}),
        ],
    ),
    ("sts.GetCallerIdentity", {}, [need("sts:GetCallerIdentity", "*")]),
    (
        "sts.GetFederationToken",
        {"Name": "fed"},
        [need("sts:GetFederationToken", f"arn:aws:sts::{A}:federated-user/fed")],
    ),
    (
        "sts.AssumeRoot",
        {"TargetPrincipal": B, "TaskPolicyArn": {"arn": POLICY}},
        [need("sts:AssumeRoot", f"arn:aws:iam::{B}:root", B, keys={"sts:TaskPolicyArn": POLICY})],
    ),
    # -- CloudWatch Logs
    (
        "logs.PutLogEvents",
        {"logGroupName": "/app", "logStreamName": "s", "logEvents": []},
        [need("logs:PutLogEvents", f"{GROUP}:log-stream:s")],
    ),
    (
        "logs.CreateLogStream",
        {"logGroupName": "/app", "logStreamName": "s"},
        [need("logs:CreateLogStream", f"{GROUP}:log-stream:s")],
    ),
    (
        "logs.PutRetentionPolicy",
        {"logGroupName": "/app", "retentionInDays": 1},
        [need("logs:PutRetentionPolicy", f"{GROUP}:log-stream:")],
    ),
    (
        "logs.CreateLogGroup",
        {"logGroupName": "/app"},
        [need("logs:CreateLogGroup", f"{GROUP}:log-stream:")],
    ),
    (
        "logs.CreateLogGroup",
        {"logGroupName": "/app", "tags": {"team": "red"}},
        [
            need("logs:CreateLogGroup", f"{GROUP}:log-stream:", keys=TAGGED),
            need("logs:TagResource", GROUP, keys=TAGGED),
        ],
    ),
    (
        "logs.DescribeLogGroups",
        {"logGroupNamePrefix": "/a"},
        [need("logs:DescribeLogGroups", TRAIL_GROUP)],
    ),
    (
        "logs.ListTagsForResource",
        {"resourceArn": f"{GROUP}:*"},
        [need("logs:ListTagsForResource", GROUP)],
    ),
    (
        "logs.FilterLogEvents",
        {"logGroupIdentifier": GROUP},
        [need("logs:FilterLogEvents", f"{GROUP}:log-stream:")],
    ),
    (
        "logs.FilterLogEvents",
        {"logGroupIdentifier": f"arn:aws:logs:{REGION}:{B}:log-group:/theirs", "unmask": True},
        [
            need(f"logs:{action}", f"arn:aws:logs:{REGION}:{B}:log-group:/theirs:log-stream:", B)
            for action in ("FilterLogEvents", "Unmask")
        ],
    ),
    (
        "logs.GetLogEvents",
        {"logGroupName": "/app", "logStreamName": "s"},
        [need("logs:GetLogEvents", f"{GROUP}:log-stream:s")],
    ),
    (
        "logs.StartQuery",
        {"logGroupNames": ["/app", "/b"], "queryString": "fields unmask(@message)"},
        [
            need(f"logs:{action}", arn("logs", f"log-group:{name}:log-stream:"))
            for action in ("StartQuery", "Unmask")
            for name in ("/app", "/b")
        ],
    ),
    (
        "logs.PutSubscriptionFilter",
        {
            "logGroupName": "/app",
            "destinationArn": f"arn:aws:logs:{REGION}:{B}:destination:d",
            "roleArn": ROLE,
        },
        [
            need("logs:PutSubscriptionFilter", f"{GROUP}:log-stream:"),
            need("logs:PutSubscriptionFilter", f"arn:aws:logs:{REGION}:{B}:destination:d", B),
            passing(ROLE, "logs.amazonaws.com"),
        ],
    ),
    (
        "logs.PutSubscriptionFilter",
        {"logGroupName": "/app", "destinationArn": arn("lambda", "function:f")},
        [need("logs:PutSubscriptionFilter", f"{GROUP}:log-stream:")],
    ),
    (
        "logs.PutAccountPolicy",
        {
            "policyType": "SUBSCRIPTION_FILTER_POLICY",
            "policyDocument": f'{{"RoleArn": "{ROLE}"}}',
        },
        [
            need("logs:PutAccountPolicy", "*"),
            need("logs:PutSubscriptionFilter", arn("logs", "log-group:*")),
            passing(ROLE, "logs.amazonaws.com"),
        ],
    ),
    ("logs.PutResourcePolicy", {"policyName": "p"}, [need("logs:PutResourcePolicy", "*")]),
    # -- KMS
    (
        "kms.DescribeKey",
        {"KeyId": "alias/logs"},
        [need("kms:DescribeKey", KEY_ARN, keys={**CALLER_KEY, "kms:RequestAlias": "alias/logs"})],
    ),
    ("kms.DescribeKey", {"KeyId": KEY}, [need("kms:DescribeKey", KEY_ARN, keys=CALLER_KEY)]),
    (
        "kms.Encrypt",
        {"KeyId": KEY_ARN, "EncryptionContext": {"aws:logs:arn": GROUP}},
        [
            need(
                "kms:Encrypt",
                KEY_ARN,
                keys={
                    **ENCRYPTED,
                    "kms:EncryptionContext:aws:logs:arn": GROUP,
                    "kms:EncryptionContextKeys": ("aws:logs:arn",),
                },
            )
        ],
    ),
    (
        "kms.Decrypt",
        {"CiphertextBlob": KEY.encode() + b"rest"},
        [need("kms:Decrypt", KEY_ARN, keys=ENCRYPTED)],
    ),
    (
        "kms.ReEncrypt",
        {"CiphertextBlob": KEY.encode() + b"rest", "DestinationKeyId": "alias/logs"},
        [
            need(f"kms:{action}", KEY_ARN, keys={**ENCRYPTED, "kms:ReEncryptOnSameKey": "true"})
            for action in ("ReEncryptFrom", "ReEncryptTo")
        ],
    ),
    (
        "kms.CreateAlias",
        {"AliasName": "alias/new", "TargetKeyId": KEY},
        [
            need("kms:CreateAlias", arn("kms", "alias/new"), keys=CALLER_KEY),
            need("kms:CreateAlias", KEY_ARN, keys=CALLER_KEY),
        ],
    ),
    (
        "kms.DeleteAlias",
        {"AliasName": "alias/logs"},
        [
            need("kms:DeleteAlias", arn("kms", "alias/logs"), keys=CALLER_KEY),
            need("kms:DeleteAlias", KEY_ARN, keys=CALLER_KEY),
        ],
    ),
    ("kms.CreateKey", {}, [need("kms:CreateKey", "*", keys=CALLER_KEY)]),
    (
        "kms.CreateGrant",
        {
            "KeyId": KEY,
            "GranteePrincipal": ROLE,
            "Operations": ["Decrypt", "Encrypt"],
            "Constraints": {"EncryptionContextEquals": {"a": "b"}},
        },
        [
            need(
                "kms:CreateGrant",
                KEY_ARN,
                keys={
                    **CALLER_KEY,
                    "kms:GranteePrincipal": ROLE,
                    "kms:GrantOperations": ("Decrypt", "Encrypt"),
                    "kms:GrantConstraintType": "EncryptionContextEquals",
                    "kms:EncryptionContext:a": "b",
                    "kms:EncryptionContextKeys": ("a",),
                },
            )
        ],
    ),
    (
        "kms.ScheduleKeyDeletion",
        {"KeyId": KEY, "PendingWindowInDays": 7},
        [
            need(
                "kms:ScheduleKeyDeletion",
                KEY_ARN,
                keys={**CALLER_KEY, "kms:ScheduleKeyDeletionPendingWindowInDays": "7"},
            )
        ],
    ),
    # -- S3
    ("s3.ListBuckets", {}, [need("s3:ListAllMyBuckets", "*")]),
    (
        "s3.ListObjectsV2",
        {"Bucket": "theirs", "Prefix": "a/"},
        [need("s3:ListBucket", "arn:aws:s3:::theirs", B, keys={"s3:prefix": "a/"})],
    ),
    ("s3.HeadBucket", {"Bucket": "ours"}, [need("s3:ListBucket", "arn:aws:s3:::ours")]),
    (
        "s3.HeadObject",
        {"Bucket": "ours", "Key": "k"},
        [need("s3:GetObject", "arn:aws:s3:::ours/k")],
    ),
    (
        "s3.GetObject",
        {"Bucket": "theirs", "Key": "a/b", "VersionId": "v"},
        [need("s3:GetObjectVersion", "arn:aws:s3:::theirs/a/b", B, keys={"s3:versionid": "v"})],
    ),
    ("s3.GetBucketAcl", {"Bucket": "ours"}, [need("s3:GetBucketAcl", "arn:aws:s3:::ours")]),
    (
        "s3.DeleteBucketEncryption",
        {"Bucket": "ours"},
        [need("s3:PutEncryptionConfiguration", "arn:aws:s3:::ours")],
    ),
    (
        "s3.PutObject",
        {"Bucket": "ours", "Key": "k", "ACL": "public-read", "Tagging": "team=red"},
        [
            need(
                f"s3:{action}",
                "arn:aws:s3:::ours/k",
                keys={
                    "s3:x-amz-acl": "public-read",
                    "s3:RequestObjectTag/team": "red",
                    "s3:RequestObjectTagKeys": ("team",),
                },
            )
            for action in ("PutObject", "PutObjectAcl", "PutObjectTagging")
        ],
    ),
    (
        "s3.PutObject",
        {"Bucket": "ours", "Key": "k", "SSEKMSKeyId": "alias/logs"},
        [
            need(
                "s3:PutObject",
                "arn:aws:s3:::ours/k",
                keys={"s3:x-amz-server-side-encryption-aws-kms-key-id": "alias/logs"},
            ),
            need(
                "kms:GenerateDataKey",
                KEY_ARN,
                keys={**CALLER_KEY, "kms:ViaService": f"s3.{REGION}.amazonaws.com"},
            ),
        ],
    ),
    (
        "s3.CopyObject",
        {"Bucket": "ours", "Key": "k", "CopySource": "theirs/a%20b"},
        [
            need(
                "s3:PutObject", "arn:aws:s3:::ours/k", keys={"s3:x-amz-copy-source": "theirs/a%20b"}
            ),
            need("s3:GetObject", "arn:aws:s3:::theirs/a b", B),
        ],
    ),
    (
        "s3.DeleteObjects",
        {"Bucket": "ours", "Delete": {"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "1"}]}},
        [
            need("s3:DeleteObject", "arn:aws:s3:::ours/a"),
            need("s3:DeleteObjectVersion", "arn:aws:s3:::ours/b"),
        ],
    ),
    (
        "s3.CreateBucket",
        {"Bucket": "new", "CreateBucketConfiguration": {"LocationConstraint": REGION}},
        [need("s3:CreateBucket", "arn:aws:s3:::new", keys={"s3:locationconstraint": REGION})],
    ),
    (
        "s3.PutBucketReplication",
        {"Bucket": "ours", "ReplicationConfiguration": {"Role": ROLE}},
        [
            need("s3:PutReplicationConfiguration", "arn:aws:s3:::ours"),
            passing(ROLE, "s3.amazonaws.com"),
        ],
    ),
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
    # -- messages and events
    (
        "sqs.SendMessageBatch",
        {"QueueUrl": f"http://localhost/{B}/q"},
        [need("sqs:SendMessage", arn("sqs", "q", B), B)],
    ),
    (
        "sqs.GetQueueUrl",
        {"QueueName": "q", "QueueOwnerAWSAccountId": B},
        [need("sqs:GetQueueUrl", arn("sqs", "q", B), B)],
    ),
    (
        "sns.Subscribe",
        {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": "e"},
        [need("sns:Subscribe", TOPIC, keys={"sns:Protocol": "sqs", "sns:Endpoint": "e"})],
    ),
    ("sns.Unsubscribe", {"SubscriptionArn": f"{TOPIC}:1-2"}, [need("sns:Unsubscribe", TOPIC)]),
    ("sns.PublishBatch", {"TopicArn": TOPIC}, [need("sns:Publish", TOPIC)]),
    (
        "events.PutTargets",
        {"Rule": "r", "Targets": [{"Id": "1", "Arn": TOPIC, "RoleArn": ROLE}]},
        [
            need("events:PutTargets", arn("events", "rule/r"), keys={"events:TargetArn": (TOPIC,)}),
            passing(ROLE, "events.amazonaws.com"),
        ],
    ),
    (
        "events.DescribeRule",
        {"Name": "r", "EventBusName": "bus"},
        [need("events:DescribeRule", arn("events", "rule/bus/r"))],
    ),
    (
        "events.PutEvents",
        {"Entries": [{"Source": "me", "EventBusName": f"arn:aws:events:{REGION}:{B}:event-bus/b"}]},
        [
            need(
                "events:PutEvents", arn("events", "event-bus/b", B), B, keys={"events:source": "me"}
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
    (
        "oam.CreateLink",
        {"SinkIdentifier": SINK, "ResourceTypes": ["AWS::Logs::LogGroup", "AWS::XRay::Trace"]},
        [
            need(
                "oam:CreateLink",
                resource,
                owner,
                keys={"oam:ResourceTypes": ("AWS::Logs::LogGroup", "AWS::XRay::Trace")},
            )
            for resource, owner in ((arn("oam", "link/*"), A), (SINK, B))
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


def _name(case: tuple[str, dict[str, Any], list[Expected]]) -> str:
    return f"{case[0]}({','.join(case[1])})"


@pytest.mark.parametrize(("name", "params", "expected"), CASES, ids=[_name(c) for c in CASES])
def test_a_call_needs(name: str, params: dict[str, Any], expected: list[Expected]) -> None:
    service, operation = name.split(".")
    found = needs(call(service, operation, params), Names())
    assert [(n.action, n.resource, n.resource_account, dict(n.context)) for n in found] == expected


def test_enough_cases_and_services() -> None:
    assert len(CASES) >= 60
    assert len({name.split(".")[0] for name, _, _ in CASES}) >= 20


def test_a_chained_session_needs_what_it_inherits() -> None:
    chained = Caller(
        kind="role-session",
        account=A,
        arn=SESSION.arn,
        principal_arn=SESSION.principal_arn,
        user_id=SESSION.user_id,
        session_tags={"team": "red"},
        transitive_tags=frozenset({"team"}),
        source_identity="ann",
    )
    params = {"RoleArn": THEIR_ROLE, "RoleSessionName": "s"}
    actions = [n.action for n in needs(call("sts", "AssumeRole", params, caller=chained), Names())]
    assert actions == ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    plain = needs(call("sts", "AssumeRole", params, caller=SESSION), Names())
    assert [n.action for n in plain] == ["sts:AssumeRole"]


def test_a_role_keeps_its_case_and_path_in_the_arn() -> None:
    (found,) = needs(call("iam", "GetRole", {"RoleName": "APP"}), Names())
    assert found.resource == ROLE


def test_changing_a_bounded_role_is_decided_with_its_boundary() -> None:
    attach = {"RoleName": "app", "PolicyArn": POLICY}
    (found,) = needs(call("iam", "AttachRolePolicy", attach), Organized())
    assert found.context["iam:PermissionsBoundary"] == f"arn:aws:iam::{A}:policy/edge"
    (free,) = needs(call("iam", "AttachRolePolicy", {**attach, "RoleName": "x"}), Organized())
    assert "iam:PermissionsBoundary" not in free.context


def test_organization_policies_are_named_with_their_type() -> None:
    found = needs(
        call("organizations", "AttachPolicy", {"PolicyId": "p-1", "TargetId": "ou-1"}), Organized()
    )
    assert [n.resource.split("::", 1)[1] for n in found] == [
        f"{A}:policy/o-1/service_control_policy/p-1",
        f"{A}:ou/o-1/ou-1",
    ]
    assert found[0].context["organizations:PolicyType"] == "SERVICE_CONTROL_POLICY"


def test_a_member_account_is_managed_under_the_organization() -> None:
    params = {"AccountId": B, "RegionName": REGION}
    (found,) = needs(call("account", "GetRegionOptStatus", params), Organized())
    assert found.resource == f"arn:aws:account::{A}:account/o-1/{B}"
    assert found.resource_account == A


def test_root_acts_on_root() -> None:
    root = Caller(
        kind="root",
        account=A,
        arn=f"arn:aws:iam::{A}:root",
        principal_arn=f"arn:aws:iam::{A}:root",
        user_id=A,
    )
    (found,) = needs(call("iam", "GetUser", caller=root), Names())
    assert found.resource == root.arn
    assert needs(call("iam", "GetUser", caller=USER), Names())[0].resource == ANN


PROFILE = f"arn:aws:bedrock:{REGION}:{A}:application-inference-profile/abcdefghijkl"


def test_a_model_is_reached_through_a_profile() -> None:
    found = needs(call("bedrock-runtime", "ConverseStream", {"modelId": PROFILE}), Names())
    assert {n.action for n in found} == {"bedrock:InvokeModelWithResponseStream"}
    assert [n.resource for n in found] == [
        PROFILE,
        f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0",
    ]
    assert found[1].context["bedrock:InferenceProfileArn"] == PROFILE


def test_a_world_chooses_how_bedrock_is_played() -> None:
    class Chosen(Names):
        bedrock_settings = BedrockSettings(key_on_profile=True)

    converse = call("bedrock-runtime", "Converse", {"modelId": PROFILE})
    assert "bedrock:InferenceProfileArn" in needs(converse, Chosen())[0].context
    assert "bedrock:InferenceProfileArn" not in needs(converse, Names())[0].context


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("ListInferenceProfiles", {}),
        ("GetModelInvocationLoggingConfiguration", {}),
        ("GetFoundationModel", {"modelIdentifier": "amazon.nova-lite-v1:0"}),
        ("ListTagsForResource", {"resourceARN": PROFILE}),
        ("TagResource", {"resourceARN": PROFILE, "tags": [{"key": "team", "value": "red"}]}),
        ("UntagResource", {"resourceARN": PROFILE, "tagKeys": ["team"]}),
        (
            "PutModelInvocationLoggingConfiguration",
            {"loggingConfig": {"cloudWatchConfig": {"logGroupName": "/x", "roleArn": ROLE}}},
        ),
    ],
)
def test_the_map_and_the_embedded_bedrock_agree(operation: str, params: dict[str, Any]) -> None:
    made = call("bedrock", operation, params)
    assert needs(made, Names()) == needs_bedrock(made, Names())
