"""CloudWatch Logs, S3, messages and events."""

from __future__ import annotations

from support.catalogue import KEY_ARN, REGION, B
from support.catalogue_cases.words import (
    CALLER_KEY,
    GROUP,
    ROLE,
    TAGGED,
    TAGS,
    TOPIC,
    TRAIL_GROUP,
    Case,
    arn,
    need,
    passing,
)

CASES: list[Case] = [
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
        {
            **{"Bucket": "ours", "Key": "k", "ServerSideEncryption": "aws:kms"},
            "SSEKMSKeyId": "alias/logs",
        },
        [
            need(
                "s3:PutObject",
                "arn:aws:s3:::ours/k",
                keys={
                    "s3:x-amz-server-side-encryption": "aws:kms",
                    "s3:x-amz-server-side-encryption-aws-kms-key-id": "alias/logs",
                },
            ),
            need(
                "kms:GenerateDataKey",
                KEY_ARN,
                keys={
                    **CALLER_KEY,
                    "kms:ViaService": f"s3.{REGION}.amazonaws.com",
                    "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                    "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::ours/k",
                    "kms:EncryptionContextKeys": ("aws:s3:arn",),
                },
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
        "events.PutRule",
        {"Name": "r", "Tags": TAGS},
        [
            need("events:PutRule", arn("events", "rule/r"), keys=TAGGED),
            need("events:TagResource", arn("events", "rule/r"), keys=TAGGED),
        ],
    ),
    (
        "events.PutRule",
        {"Name": "r"},
        [need("events:PutRule", arn("events", "rule/r"))],
    ),
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
]
