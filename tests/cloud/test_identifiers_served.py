"""What is served is what was decided, however a resource is named.

A user may do everything, but for the resources here. Whatever way of naming them is not refused
would be decided under another name and served all the same.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from support.cloud import REGION, A, Clients, allow, document, trust
from support.identified_reads import BUCKET, OPEN_BUCKET, READS, Nothing
from support.mutations import mutations

Ids = Mapping[str, str]

SERVICES = (
    *("bedrock", "cloudtrail", "dynamodb", "events", "iam", "kinesis", "kms", "lambda", "logs"),
    *("oam", "s3", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions", "sts", "firehose"),
)
GROUP = "/guarded/group"
TAG = {"guarded": "yes"}
TAGS = [{"Key": "guarded", "Value": "yes"}]
CLIENT = Config(
    retries={"total_max_attempts": 1},
    parameter_validation=False,
    s3={"addressing_style": "path"},
)


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "def handler(event, context): return event")
    return buffer.getvalue()


def _make(clients: Clients) -> tuple[dict[str, str], list[str]]:
    """Resources of account A by short names, and the ARNs that stand for them in decisions."""

    def of(service: str) -> Any:
        return clients(A, service)

    def arn(service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{A}:{resource}"

    ids: dict[str, str] = {}
    key = of("kms").create_key()["KeyMetadata"]
    of("kms").create_alias(AliasName="alias/guarded", TargetKeyId=key["KeyId"])
    ids |= {
        "key": key["Arn"],
        "key-id": key["KeyId"],
        "alias": "alias/guarded",
        "alias-arn": arn("kms", "alias/guarded"),
    }
    anyone = trust({"AWS": f"arn:aws:iam::{A}:root"})
    role = of("iam").create_role(RoleName="guarded", Path="/p/", AssumeRolePolicyDocument=anyone)[
        "Role"
    ]["Arn"]
    of("iam").create_user(UserName="guarded")
    policy = of("iam").create_policy(
        PolicyName="guarded", PolicyDocument=document(allow("s3:*")), Tags=TAGS
    )
    ids |= {"role": role, "name": "guarded", "policy": policy["Policy"]["Arn"]}
    of("iam").attach_role_policy(RoleName="guarded", PolicyArn=ids["policy"])
    of("logs").create_log_group(logGroupName=GROUP, tags=TAG)
    of("logs").create_log_stream(logGroupName=GROUP, logStreamName="s")
    ids |= {"group": GROUP, "group-arn": arn("logs", f"log-group:{GROUP}")}
    ids["group-star"] = f"{ids['group-arn']}:*"
    secret = of("secretsmanager").create_secret(Name="guarded", SecretString="s")["ARN"]
    ids["secret"] = secret
    of("ssm").put_parameter(Name="/guarded/p", Value="v", Type="String")
    ids |= {"parameter": "/guarded/p", "parameter-arn": arn("ssm", "parameter/guarded/p")}
    of("dynamodb").create_table(
        TableName="guarded",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=TAGS,
    )
    ids["table"] = arn("dynamodb", "table/guarded")
    of("kinesis").create_stream(StreamName="guarded", ShardCount=1, Tags=TAG)
    ids["stream"] = arn("kinesis", "stream/guarded")
    ids["queue-url"] = of("sqs").create_queue(QueueName="guarded")["QueueUrl"]
    ids["queue"] = arn("sqs", "guarded")
    ids["topic"] = of("sns").create_topic(Name="guarded", Tags=TAGS)["TopicArn"]
    ids["subscription"] = of("sns").subscribe(
        TopicArn=ids["topic"], Protocol="sqs", Endpoint=ids["queue"], ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    of("lambda").create_function(
        FunctionName="guarded",
        Runtime="python3.12",
        Role=role,
        Handler="a.handler",
        Code={"ZipFile": _zipped()},
        Tags=TAG,
    )
    ids["function"] = arn("lambda", "function:guarded")
    s3 = of("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="dir/o", Body=b"guarded")
    ids |= {"bucket": BUCKET, "object": "dir/o", "source": f"{BUCKET}/dir/o"}
    of("events").create_event_bus(Name="guarded", Tags=TAGS)
    of("events").put_rule(Name="guarded", EventPattern="{}", EventBusName="guarded", Tags=TAGS)
    ids["bus"] = arn("events", "event-bus/guarded")
    ids["rule"] = arn("events", "rule/guarded/guarded")
    of("cloudtrail").create_trail(Name="guarded", S3BucketName=BUCKET)
    ids["trail"] = arn("cloudtrail", "trail/guarded")
    of("cloudtrail").add_tags(ResourceId=ids["trail"], TagsList=TAGS)
    ids["sink"] = of("oam").create_sink(Name="guarded", Tags=TAG)["Arn"]
    guardrail = of("bedrock").create_guardrail(
        name="guarded",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        tags=[{"key": "k", "value": "v"}],
        wordPolicyConfig={"wordsConfig": [{"text": "w"}]},
    )
    ids |= {"guardrail": guardrail["guardrailArn"], "guardrail-id": guardrail["guardrailId"]}
    ids["profile"] = of("bedrock").create_inference_profile(
        inferenceProfileName="guarded",
        tags=[{"key": "k", "value": "v"}],
        modelSource={
            "copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
        },
    )["inferenceProfileArn"]
    ids["profile-id"] = ids["profile"].rsplit("/", 1)[1]
    states = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
    ids["machine"] = of("stepfunctions").create_state_machine(
        name="guarded",
        definition=json.dumps(states),
        roleArn=role,
        tags=[{"key": "k", "value": "v"}],
    )["stateMachineArn"]
    denied = [
        *(value for value in ids.values() if value.startswith("arn:")),
        *(f"{ids['group-arn']}:*", f"{ids['function']}:*", f"arn:aws:iam::{A}:user/guarded"),
        *(f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*", f"{ids['topic']}:*"),
    ]
    return ids, denied


@pytest.fixture(scope="module")
def guarded(cloud: Any) -> tuple[Ids, Mapping[str, Any], Mapping[str, Any]]:
    """The resources; clients of who may do all but what touches them; clients of who may."""
    clients = Clients(cloud)
    ids, denied = _make(clients)
    iam = clients(A, "iam")
    iam.create_user(UserName="all-but")
    iam.put_user_policy(UserName="all-but", PolicyName="all", PolicyDocument=document(allow("*")))
    for part in range(0, len(denied), 10):
        made = iam.create_policy(
            PolicyName=f"but-{part}",
            PolicyDocument=document(
                {"Effect": "Deny", "Action": "*", "Resource": denied[part : part + 10]}
            ),
        )
        iam.attach_user_policy(UserName="all-but", PolicyArn=made["Policy"]["Arn"])
    key = iam.create_access_key(UserName="all-but")["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name=REGION,
    )
    admin = clients.session(A)

    def made_of(who: Any) -> dict[str, Any]:
        return {
            service: who.client(
                service, region_name=REGION, endpoint_url=cloud.endpoint, config=CLIENT
            )
            for service in SERVICES
        }

    return ids, made_of(session), made_of(admin)


def _served(read: Callable[[Any, str], Any], client: Any, identifier: str) -> bool:
    try:
        read(client, identifier)
    except HTTPClientError:
        raise
    except (ClientError, BotoCoreError, Nothing, ValueError):
        # botocore itself raises ValueError on what no URL can hold.
        return False
    return True


@pytest.mark.parametrize("operation", READS)
def test_no_other_name_leads_to_the_resource(operation: str, guarded: Any) -> None:
    ids, all_but, admin = guarded
    service = operation.partition(".")[0]
    names, read = READS[operation]
    if operation == "s3.copy_object":
        s3 = admin["s3"]
        s3.create_bucket(
            Bucket=OPEN_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    for name in names:
        identifier = ids[name]
        assert _served(read, admin[service], identifier), f"{operation} of {identifier} is refused"
        dodges = [
            each
            for each in (identifier, *mutations(identifier))
            if _served(read, all_but[service], each)
        ]
        assert not dodges, f"{operation} serves {identifier} as {dodges}"
