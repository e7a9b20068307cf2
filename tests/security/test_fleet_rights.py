"""What a fleet session can do besides calling its own models: nothing.

Every request here would do no harm if it were allowed, and what it made is removed at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import Actor, Cast
from harness.probes.evidence import Outcome
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Fleet

NOTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "bedrock:ListFlows", "Resource": "*"}],
    }
)
TRUST_NOBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
        ],
    }
)
BEDROCK = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True)
class Right:
    """An action, the resources a refusal may name, the request, and how to undo it.

    Templates in `resources` and `request` know the region `{r}`, the operations account `{a}`, the
    fleet role's name `{role}` and ARN `{role_arn}`, its profile's ARN `{aip}`, its model `{model}`
    and the helper's name `{name}`.
    """

    rows: tuple[str, ...]
    claim: str
    service: str
    operation: str
    action: str
    resources: tuple[str, ...]
    request: dict[str, object]
    undo: tuple[str, dict[str, object]] | None = None


def bedrock(
    rows: tuple[str, ...], claim: str, operation: str, *resources: str, **request: object
) -> Right:
    camel = "".join(word.capitalize() for word in operation.split("_"))
    return Right(rows, claim, "bedrock", operation, f"bedrock:{camel}", resources, request)


def log_group(*ends: str) -> tuple[str, ...]:
    """How a service may name the log group of the helper's name in the operations account."""
    return tuple("arn:aws:logs:{r}:{a}:log-group:{name}" + end for end in ends)


EVENTS = [{"timestamp": 0, "message": "probe"}]

RIGHTS = [
    bedrock(
        ("P19",),
        "remove the invocation logging configuration",
        "delete_model_invocation_logging_configuration",
        "*",
    ),
    bedrock(
        ("P19", "P01"),
        "read the invocation logging configuration",
        "get_model_invocation_logging_configuration",
        "*",
    ),
    bedrock(("P21", "P09"), "list profiles, and so customers", "list_inference_profiles", "*"),
    Right(
        ("P20",),
        "tag its profile, and so charge somebody else",
        "bedrock",
        "tag_resource",
        "bedrock:TagResource",
        ("{aip}",),
        {"resourceARN": "{aip}", "tags": [{"key": "bulkhead-probe", "value": "x"}]},
        ("untag_resource", {"resourceARN": "{aip}", "tagKeys": ["bulkhead-probe"]}),
    ),
    bedrock(
        ("P20",),
        "remove tags of its profile",
        "untag_resource",
        "{aip}",
        resourceARN="{aip}",
        tagKeys=["bulkhead-probe"],
    ),
    bedrock(
        ("P21",),
        "read the tags of its profile",
        "list_tags_for_resource",
        "{aip}",
        resourceARN="{aip}",
    ),
    Right(
        ("P20",),
        "make a profile of its own",
        "bedrock",
        "create_inference_profile",
        "bedrock:CreateInferenceProfile",
        ("arn:aws:bedrock:{r}:{a}:application-inference-profile/*", "{model_arn}"),
        {"inferenceProfileName": "{name}", "modelSource": {"copyFrom": "{model_arn}"}},
        ("delete_inference_profile", {"inferenceProfileIdentifier": "{name}"}),
    ),
    Right(
        ("P11",),
        "make a log group in the operations account",
        "logs",
        "create_log_group",
        "logs:CreateLogGroup",
        log_group("", ":*", ":log-stream:"),
        {"logGroupName": "{name}"},
        ("delete_log_group", {"logGroupName": "{name}"}),
    ),
    Right(
        ("P11", "P07"),
        "list the log groups of the operations account",
        "logs",
        "describe_log_groups",
        "logs:DescribeLogGroups",
        ("arn:aws:logs:{r}:{a}:log-group::log-stream:", "arn:aws:logs:{r}:{a}:log-group:*", "*"),
        {},
    ),
    Right(
        ("P13",),
        "send traces to the operations account",
        "xray",
        "put_trace_segments",
        "xray:PutTraceSegments",
        ("*",),
        {"TraceSegmentDocuments": ["{}"]},
    ),
    Right(
        ("P15",),
        "change who may assume it",
        "iam",
        "update_assume_role_policy",
        "iam:UpdateAssumeRolePolicy",
        ("{elsewhere}",),
        {"RoleName": "{helper}", "PolicyDocument": TRUST_NOBODY},
    ),
    Right(
        ("P15",),
        "give itself rights",
        "iam",
        "put_role_policy",
        "iam:PutRolePolicy",
        ("{role_arn}",),
        {"RoleName": "{role}", "PolicyName": "{name}", "PolicyDocument": NOTHING},
        ("delete_role_policy", {"RoleName": "{role}", "PolicyName": "{name}"}),
    ),
    Right(
        ("P15", "T41"),
        "tag itself",
        "iam",
        "tag_role",
        "iam:TagRole",
        ("{role_arn}",),
        {"RoleName": "{role}", "Tags": [{"Key": "{name}", "Value": "x"}]},
        ("untag_role", {"RoleName": "{role}", "TagKeys": ["{name}"]}),
    ),
    Right(
        ("P21",),
        "list roles, and so customers",
        "iam",
        "list_roles",
        "iam:ListRoles",
        ("arn:aws:iam::{a}:role/", "*"),
        {},
    ),
    Right(
        ("P34",),
        "make a user, whose keys do not expire",
        "iam",
        "create_user",
        "iam:CreateUser",
        ("arn:aws:iam::{a}:user/{name}",),
        {"UserName": "{name}"},
        ("delete_user", {"UserName": "{name}"}),
    ),
    Right(
        ("P17",),
        "list the buckets of the operations account",
        "s3",
        "list_buckets",
        "s3:ListAllMyBuckets",
        ("*", "arn:aws:s3:::*"),
        {},
    ),
    Right(
        ("P34",),
        "make keys that do not expire",
        "iam",
        "create_access_key",
        "iam:CreateAccessKey",
        ("arn:aws:iam::{a}:user/{name}",),
        {"UserName": "{name}"},
    ),
    Right(
        ("P17",),
        "put an object into a bucket",
        "s3",
        "put_object",
        "s3:PutObject",
        ("arn:aws:s3:::{name}/probe",),
        {"Bucket": "{name}", "Key": "probe", "Body": b""},
    ),
    Right(
        ("P11",),
        "write a log event in the operations account",
        "logs",
        "put_log_events",
        "logs:PutLogEvents",
        log_group(":log-stream:{name}"),
        {"logGroupName": "{name}", "logStreamName": "{name}", "logEvents": EVENTS},
    ),
    Right(
        ("P11", "P07"),
        "read log events of the operations account",
        "logs",
        "filter_log_events",
        "logs:FilterLogEvents",
        log_group("", ":*", ":log-stream:", ":log-stream:*"),
        {"logGroupName": "{name}"},
    ),
    Right(
        ("P01",),
        "list the secrets of the operations account",
        "secretsmanager",
        "list_secrets",
        "secretsmanager:ListSecrets",
        ("*",),
        {},
    ),
    Right(
        ("P01",),
        "list the keys of the operations account",
        "kms",
        "list_keys",
        "kms:ListKeys",
        ("*",),
        {},
    ),
    Right(
        ("P14", "P17"),
        "start a batch job, whose prompts and answers lie in buckets",
        "bedrock",
        "create_model_invocation_job",
        "bedrock:CreateModelInvocationJob",
        ("{model_arn}", "arn:aws:bedrock:{r}:{a}:model-invocation-job/*", "*"),
        {
            "jobName": "{name}",
            "roleArn": "{role_arn}",
            "modelId": "{model}",
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://{name}/in"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://{name}/out"}},
        },
    ),
    Right(
        ("P17", "P23"),
        "call its model asynchronously, past its profile and into a bucket",
        "bedrock-runtime",
        "start_async_invoke",
        "bedrock:InvokeModel",
        ("{model_arn}", "arn:aws:bedrock:{r}:{a}:async-invoke/*"),
        {
            "modelId": "{model}",
            "modelInput": {},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://{name}/out"}},
        },
    ),
]


@pytest.mark.parametrize("right", RIGHTS, ids=[f"{r.service}-{r.operation}" for r in RIGHTS])
def test_fleet_session_cannot(probe: Recorder, cast: Cast, account: str, right: Right) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    fill = filler(cast, fleet)
    client = cast.client(session, right.service)
    answer = probe.denied(
        Subject(
            "fleet-rights",
            right.rows,
            f"a fleet session cannot {right.claim}",
            session,
            right.action,
            right.operation,
            tuple(fill(resource) for resource in right.resources),
        ),
        lambda: getattr(client, right.operation)(**fill_in(right.request, fill)),
        twin=lambda: converse(cast, session, fleet.profile),
    )
    if answer.outcome is Outcome.ALLOWED and right.undo is not None:
        operation, request = right.undo
        operations = cast.administrator(cast.stage.environment.operations_account)
        undo = getattr(cast.client(operations, right.service), operation)
        undo(**fill_in(request, fill))


def test_fleet_session_cannot_switch_logging_on(
    probe: Recorder, cast: Cast, logging_config: dict[str, object], account: str
) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    bedrock = cast.client(session, "bedrock", fleet.region)
    answer = probe.denied(
        Subject(
            "fleet-rights",
            ("P18", "P01"),
            "a fleet session cannot switch invocation logging on",
            session,
            "bedrock:PutModelInvocationLoggingConfiguration",
            "invocation logging",
            ("*",),
        ),
        lambda: bedrock.put_model_invocation_logging_configuration(loggingConfig=logging_config),
        twin=lambda: converse(cast, session, fleet.profile),
    )
    if answer.outcome is Outcome.ALLOWED:
        operations = cast.administrator(cast.stage.environment.operations_account)
        undo = cast.client(operations, "bedrock", fleet.region)
        undo.delete_model_invocation_logging_configuration()


@pytest.fixture(scope="session")
def logging_config(cast: Cast) -> dict[str, object]:
    """A configuration that Bedrock would accept, and that logs no content."""
    operations, group = cast.stage.environment.operations_account, cast.helper_name("invocations")
    logs = cast.client(cast.administrator(operations), "logs")
    logs.create_log_group(logGroupName=group)
    cast.on_close(lambda: logs.delete_log_group(logGroupName=group))
    role = cast.create_role(operations, cast.helper_name("bedrock"), BEDROCK)
    return {
        "cloudWatchConfig": {"logGroupName": group, "roleArn": role},
        "textDataDeliveryEnabled": False,
        "imageDataDeliveryEnabled": False,
        "embeddingDataDeliveryEnabled": False,
        "videoDataDeliveryEnabled": False,
    }


def test_fleet_session_cannot_read_another_customers_profile(
    probe: Recorder, cast: Cast, foreign: tuple[str, str]
) -> None:
    account, customer = foreign
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    victim = cast.stage.fleets[customer]
    client = cast.client(session, "bedrock")
    for model, profile in victim.profiles.items():
        probe.denied(
            Subject(
                "fleet-rights",
                ("P21",),
                "a fleet session cannot read another customer's profile",
                session,
                "bedrock:GetInferenceProfile",
                f"{customer}'s profile of {model}",
                (profile,),
            ),
            lambda profile=profile: client.get_inference_profile(  # type: ignore[misc]
                inferenceProfileIdentifier=profile
            ),
            twin=lambda: converse(cast, session, fleet.profile),
        )


def filler(cast: Cast, fleet: Fleet) -> Callable[[str], str]:
    """Fills the templates of `RIGHTS`."""
    helper: Actor = cast.operations_role()
    name = cast.helper_name("x")
    values = {
        "r": fleet.region,
        "a": cast.stage.environment.operations_account,
        "role": fleet.role_name,
        "role_arn": fleet.role_arn,
        "aip": fleet.profile,
        "model": fleet.model,
        "model_arn": fleet.model_arn,
        "name": name,
        # Another role than its own, since a trust that was really changed would stay so.
        "helper": helper.arn.split("/")[1],
        "elsewhere": cast.operations_role_arn,
    }

    def fill(text: str) -> str:
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text

    return fill


def fill_in(value: object, fill: Callable[[str], str]) -> dict[str, object]:
    """A request with its templates filled, however deep they lie."""

    def walk(part: object) -> object:
        if isinstance(part, str):
            return fill(part)
        if isinstance(part, list):
            return [walk(item) for item in part]
        if isinstance(part, dict):
            return {key: walk(item) for key, item in part.items()}
        return part

    filled = walk(value)
    assert isinstance(filled, dict)
    return filled
