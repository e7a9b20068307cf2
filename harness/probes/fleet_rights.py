"""What a fleet session must not be able to do, as data: one request for each right.

Every request would do no harm if it were allowed: it names things that are not there, or changes
nothing, and what it made is removed at once. One long table, since it is read as one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

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


def agent(
    rows: tuple[str, ...], claim: str, operation: str, *resources: str, **request: object
) -> Right:
    camel = "".join(word.capitalize() for word in operation.split("_"))
    action = f"bedrock:{camel}"
    return Right(rows, claim, "bedrock-agent-runtime", operation, action, resources, request)


def log_group(*ends: str) -> tuple[str, ...]:
    """How a service may name the log group of the helper's name in the operations account."""
    return tuple("arn:aws:logs:{r}:{a}:log-group:{name}" + end for end in ends)


GUARDRAIL = "arn:aws:bedrock:{r}:{a}:guardrail/000000000000"
SESSION_ID = "00000000-0000-0000-0000-000000000000"
SESSION = "arn:aws:bedrock:{r}:{a}:session/" + SESSION_ID
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
        ("P17", "P22"),
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
    Right(
        ("P12",),
        "send metrics to the operations account",
        "cloudwatch",
        "put_metric_data",
        "cloudwatch:PutMetricData",
        ("*",),
        {"Namespace": "{name}", "MetricData": [{"MetricName": "probe", "Value": 0}]},
    ),
    Right(
        ("P13",),
        "send events to the operations account",
        "events",
        "put_events",
        "events:PutEvents",
        ("arn:aws:events:{r}:{a}:event-bus/default",),
        {"Entries": [{"Source": "probe", "DetailType": "probe", "Detail": "{}"}]},
    ),
    Right(
        ("P14",),
        "attach a managed policy to itself",
        "iam",
        "attach_role_policy",
        "iam:AttachRolePolicy",
        ("{role_arn}",),
        {"RoleName": "{role}", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"},
        (
            "detach_role_policy",
            {"RoleName": "{role}", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"},
        ),
    ),
    Right(
        ("P15", "P39"),
        "remove its permissions boundary",
        "iam",
        "delete_role_permissions_boundary",
        "iam:DeleteRolePermissionsBoundary",
        ("{elsewhere}",),
        {"RoleName": "{helper}"},
    ),
    bedrock(("P22", "B06"), "list batch jobs", "list_model_invocation_jobs", "*"),
    Right(
        ("P23", "B07"),
        "list asynchronous calls",
        "bedrock-runtime",
        "list_async_invokes",
        "bedrock:ListAsyncInvokes",
        ("*",),
        {},
    ),
    Right(
        ("P23",),
        "read an asynchronous call",
        "bedrock-runtime",
        "get_async_invoke",
        "bedrock:GetAsyncInvoke",
        ("arn:aws:bedrock:{r}:{a}:async-invoke/000000000000",),
        {"invocationArn": "arn:aws:bedrock:{r}:{a}:async-invoke/000000000000"},
    ),
    bedrock(
        ("P24",),
        "read a guardrail, and so the words it looks for",
        "get_guardrail",
        GUARDRAIL,
        guardrailIdentifier="000000000000",
    ),
    bedrock(
        ("P24",),
        "change a guardrail",
        "update_guardrail",
        GUARDRAIL,
        guardrailIdentifier="000000000000",
        name="{name}",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
    ),
    Right(
        ("P24",),
        "apply a guardrail",
        "bedrock-runtime",
        "apply_guardrail",
        "bedrock:ApplyGuardrail",
        (GUARDRAIL,),
        {
            "guardrailIdentifier": "000000000000",
            "guardrailVersion": "1",
            "source": "INPUT",
            "content": [{"text": {"text": "probe"}}],
        },
    ),
    agent(
        ("P26",),
        "search a knowledge base",
        "retrieve",
        "arn:aws:bedrock:{r}:{a}:knowledge-base/0000000000",
        knowledgeBaseId="0000000000",
        retrievalQuery={"text": "probe"},
    ),
    agent(
        ("P26",),
        "answer from a knowledge base",
        "retrieve_and_generate",
        "*",
        input={"text": "probe"},
    ),
    agent(
        ("P27",),
        "call an agent",
        "invoke_agent",
        "arn:aws:bedrock:{r}:{a}:agent-alias/0000000000/0000000000",
        agentId="0000000000",
        agentAliasId="0000000000",
        sessionId="probe",
        inputText="probe",
    ),
    agent(
        ("P27",),
        "call an agent made for the occasion",
        "invoke_inline_agent",
        "*",
        foundationModel="{model}",
        instruction="Answer the question that the probe asks, briefly.",
        sessionId="probe",
    ),
    agent(
        ("P27",),
        "run a flow",
        "invoke_flow",
        "arn:aws:bedrock:{r}:{a}:flow/0000000000/alias/0000000000",
        flowIdentifier="0000000000",
        flowAliasIdentifier="0000000000",
        inputs=[{"nodeName": "in", "content": {"document": "probe"}, "nodeOutputName": "out"}],
    ),
    agent(("P28",), "keep a session in the operations account", "create_session", "*"),
    agent(
        ("P28",),
        "write into a session kept in the operations account",
        "put_invocation_step",
        SESSION,
        sessionIdentifier=SESSION_ID,
        invocationIdentifier=SESSION_ID,
        invocationStepTime=0,
        payload={"contentBlocks": [{"text": "probe"}]},
    ),
    agent(
        ("P28",),
        "read a session kept in the operations account",
        "get_invocation_step",
        SESSION,
        sessionIdentifier=SESSION_ID,
        invocationIdentifier=SESSION_ID,
        invocationStepId=SESSION_ID,
    ),
    Right(
        ("P29",),
        "read a prompt kept in the operations account",
        "bedrock-agent",
        "get_prompt",
        "bedrock:GetPrompt",
        ("arn:aws:bedrock:{r}:{a}:prompt/0000000000",),
        {"promptIdentifier": "0000000000"},
    ),
    Right(
        ("P26", "P27", "B16"),
        "list the agents of the operations account",
        "bedrock-agent",
        "list_agents",
        "bedrock:ListAgents",
        ("*",),
        {},
    ),
    bedrock(
        ("P31", "B17"),
        "import a model",
        "create_model_import_job",
        "*",
        jobName="{name}",
        importedModelName="{name}",
        roleArn="{role_arn}",
        modelDataSource={"s3DataSource": {"s3Uri": "s3://{name}/in"}},
    ),
    bedrock(
        ("P32",),
        "ask for access to models in the company's name",
        "put_use_case_for_model_access",
        "*",
        formData=b"{}",
    ),
    bedrock(
        ("P32",),
        "sign a model's terms in the company's name",
        "create_foundation_model_agreement",
        "*",
        offerToken="probe",
        modelId="{model}",
    ),
    Right(
        ("P34",),
        "make a Bedrock API key that does not expire",
        "iam",
        "create_service_specific_credential",
        "iam:CreateServiceSpecificCredential",
        ("arn:aws:iam::{a}:user/{name}",),
        {"UserName": "{name}", "ServiceName": "bedrock.amazonaws.com"},
    ),
    # `none` keeps nothing: the one mode that would do no harm.
    bedrock(
        ("P35", "B04"),
        "change how long Bedrock keeps prompts",
        "put_account_data_retention",
        "*",
        mode="none",
    ),
    bedrock(
        ("P36",),
        "share a guardrail with another account",
        "put_resource_policy",
        GUARDRAIL,
        resourceArn=GUARDRAIL,
        resourcePolicy=NOTHING,
    ),
    Right(
        ("C08",),
        "get a token that names it outside of AWS",
        "sts",
        "get_web_identity_token",
        "sts:GetWebIdentityToken",
        ("*",),
        {"Audience": ["probe"], "SigningAlgorithm": "RS256"},
    ),
    Right(
        ("P07", "P17"),
        "read an object of the operations account",
        "s3",
        "get_object",
        "s3:GetObject",
        ("arn:aws:s3:::{name}/probe",),
        {"Bucket": "{name}", "Key": "probe"},
    ),
    Right(
        ("P01", "P07"),
        "read who did what in the operations account",
        "cloudtrail",
        "lookup_events",
        "cloudtrail:LookupEvents",
        ("*",),
        {},
    ),
    Right(
        ("P13", "O10"),
        "read the traces of the operations account",
        "xray",
        "batch_get_traces",
        "xray:BatchGetTraces",
        ("*",),
        {"TraceIds": ["1-00000000-000000000000000000000000"]},
    ),
]
