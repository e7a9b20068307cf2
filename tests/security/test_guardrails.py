"""The organization's guardrails of operations: what not even its administrators can do.

What could change something if it were allowed is tried in a copy of the cloud.
"""

from __future__ import annotations

import json

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import Actor, Cast
from harness.probes.guardrail_attempts import Tried, make_bucket
from harness.probes.result import Recorder, Subject
from harness.probes.unguarded import unguarded


def operations_attempts(cast: Cast, who: Actor, region: str, thing: str) -> dict[str, Tried]:
    """What would let content rest in the operations account, or leave it: rows, action, resources
    that a refusal may name, call. `thing` is what the attempt is at, where it needs one."""
    account = who.account
    bedrock = cast.client(who, "bedrock", region)
    runtime = cast.client(who, "bedrock-runtime", region)
    iam = cast.client(who, "iam")
    share = {
        "Effect": "Allow",
        "Principal": {"AWS": cast.stage.environment.probes.no_organization},
        "Action": "bedrock:ApplyGuardrail",
        "Resource": thing,
    }
    bucket = f"bulkhead-probe-{account}-{region}"
    logging = {
        "s3Config": {"bucketName": bucket},
        "textDataDeliveryEnabled": False,
    }
    model = next(iter(cast.stage.fleets.values())).model
    role = f"arn:aws:iam::{account}:role/bulkhead-probe-none"
    return {
        "PutModelInvocationLoggingConfiguration": (
            ("G01", "P18", "L04"),
            "bedrock:PutModelInvocationLoggingConfiguration",
            ("*",),
            lambda: bedrock.put_model_invocation_logging_configuration(loggingConfig=logging),
        ),
        "PutAccountDataRetention": (
            ("G01", "P35", "B04"),
            "bedrock:PutAccountDataRetention",
            ("*",),
            lambda: bedrock.put_account_data_retention(mode="default"),
        ),
        "CreateModelInvocationJob": (
            ("G01", "P22", "B06"),
            "bedrock:CreateModelInvocationJob",
            (
                f"arn:aws:bedrock:{region}::foundation-model/{model}",
                f"arn:aws:bedrock:{region}:{account}:model-invocation-job/*",
                "*",
            ),
            lambda: bedrock.create_model_invocation_job(
                jobName="bulkhead-probe",
                roleArn=role,
                modelId=model,
                inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://bulkhead-probe-none/in"}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://bulkhead-probe-none/out"}},
            ),
        ),
        "StartAsyncInvoke": (
            ("G01", "P23", "B07"),
            "bedrock:InvokeModel",
            (
                f"arn:aws:bedrock:{region}:{account}:async-invoke/*",
                f"arn:aws:bedrock:{region}::foundation-model/amazon.nova-reel-v1:1",
            ),
            lambda: runtime.start_async_invoke(
                modelId="amazon.nova-reel-v1:1",
                modelInput={"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "probe"}},
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}"}},
            ),
        ),
        "PutResourcePolicy": (
            ("G13", "P36"),
            "bedrock:PutResourcePolicy",
            (thing,),
            lambda: bedrock.put_resource_policy(
                resourceArn=thing,
                resourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [share]}),
            ),
        ),
        "DeleteEnforcedGuardrailConfiguration": (
            ("B15",),
            "bedrock:DeleteEnforcedGuardrailConfiguration",
            ("*",),
            lambda: bedrock.delete_enforced_guardrail_configuration(configId=thing),
        ),
        "GetAsyncInvoke": (
            ("G01", "P23"),
            "bedrock:GetAsyncInvoke",
            (thing,),
            lambda: runtime.get_async_invoke(invocationArn=thing),
        ),
        "CreateServiceSpecificCredential": (
            ("P34",),
            "iam:CreateServiceSpecificCredential",
            (f"arn:aws:iam::{account}:user/{thing}",),
            lambda: iam.create_service_specific_credential(
                UserName=thing, ServiceName="bedrock.amazonaws.com"
            ),
        ),
        "CreateUser": (
            ("P34",),
            "iam:CreateUser",
            (f"arn:aws:iam::{account}:user/bulkhead-probe-none",),
            lambda: iam.create_user(UserName="bulkhead-probe-none"),
        ),
        "CreateOpenIDConnectProvider": (
            ("T34",),
            "iam:CreateOpenIDConnectProvider",
            (f"arn:aws:iam::{account}:oidc-provider/token.example.com",),
            lambda: iam.create_open_id_connect_provider(
                Url="https://token.example.com", ThumbprintList=["0" * 40]
            ),
        ),
        "LeaveOrganization": (
            ("G09",),
            "organizations:LeaveOrganization",
            ("*",),
            cast.client(who, "organizations").leave_organization,
        ),
    }


def make_answer(cast: Cast, who: Actor, region: str) -> str:
    """A call whose answer is stored; what it is known by."""
    bucket = make_bucket(cast, who, region, "bedrock.amazonaws.com")
    answer = cast.client(who, "bedrock-runtime", region).start_async_invoke(
        modelId="amazon.nova-reel-v1:1",
        modelInput={"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "probe"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}"}},
    )
    return str(answer["invocationArn"])


def make_enforced(cast: Cast, who: Actor, region: str) -> str:
    """A guardrail of Bedrock that is enforced in the account; the configuration's id."""
    bedrock = cast.client(who, "bedrock", region)
    guardrail = make_guardrail(cast, who, region)
    version = bedrock.create_guardrail_version(guardrailIdentifier=guardrail)["version"]
    answer = bedrock.put_enforced_guardrail_configuration(
        guardrailInferenceConfig={
            "guardrailIdentifier": guardrail,
            "guardrailVersion": version,
        }
    )
    return str(answer["configId"])


def make_user(cast: Cast, who: Actor) -> str:
    """A user of IAM, as one that was there before the guardrails."""
    name = "bulkhead-probe-user"
    cast.client(who, "iam").create_user(UserName=name)
    return name


def make_guardrail(cast: Cast, who: Actor, region: str) -> str:
    """A guardrail of Bedrock, which could be shared."""
    answer = cast.client(who, "bedrock", region).create_guardrail(
        name="bulkhead-probe",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        wordPolicyConfig={"wordsConfig": [{"text": "probe"}]},
    )
    return str(answer["guardrailArn"])


REGIONAL = (
    "PutModelInvocationLoggingConfiguration",
    "PutAccountDataRetention",
    "CreateModelInvocationJob",
    "StartAsyncInvoke",
    "PutResourcePolicy",
    "DeleteEnforcedGuardrailConfiguration",
)
# In one Region: of all accounts, or what tells for each Region.
GLOBAL = (
    "GetAsyncInvoke",
    "CreateServiceSpecificCredential",
    "CreateUser",
    "CreateOpenIDConnectProvider",
    "LeaveOrganization",
)


IDENTITIES = ("CreateUser", "CreateOpenIDConnectProvider")


def test_who_bootstraps_makes_what_ci_is_trusted_through(probe: Recorder, copied: Cast) -> None:
    """The twin of the two below: the guardrail that stops others spares its owner."""
    owner = copied.administrator(copied.stage.environment.operations_account)
    region = copied.stage.environment.region
    attempts = operations_attempts(copied, owner, region, "")
    rows, action, arns, call = attempts["CreateOpenIDConnectProvider"]
    probe.allowed(
        Subject(
            "guardrail-spares",
            rows,
            "who bootstraps operations makes the identity provider of CI",
            owner,
            action,
            "operations account",
            arns,
        ),
        call,
    )


@pytest.mark.parametrize("operation", GLOBAL)
def test_operators_cannot_anywhere(probe: Recorder, copied: Cast, operation: str) -> None:
    refuse_operator(probe, copied, copied.stage.environment.region, operation)


@pytest.mark.parametrize("operation", REGIONAL)
def test_operators_cannot(probe: Recorder, copied: Cast, region: str, operation: str) -> None:
    refuse_operator(probe, copied, region, operation)


def refuse_operator(probe: Recorder, copied: Cast, region: str, operation: str) -> None:
    owner = copied.administrator(copied.stage.environment.operations_account)
    # Whoever bootstraps the account makes what CI is trusted through; nobody else does.
    operator = copied.operations_role() if operation in IDENTITIES else owner
    bedrock = copied.client(operator, "bedrock", region)
    thing = ""
    with unguarded(copied, operator.account):
        if operation in ("PutModelInvocationLoggingConfiguration", "StartAsyncInvoke"):
            make_bucket(copied, owner, region, "bedrock.amazonaws.com")
        if operation == "GetAsyncInvoke":
            thing = make_answer(copied, owner, region)
        if operation == "PutResourcePolicy":
            thing = make_guardrail(copied, owner, region)
        if operation == "DeleteEnforcedGuardrailConfiguration":
            thing = make_enforced(copied, owner, region)
        if operation == "CreateServiceSpecificCredential":
            thing = make_user(copied, owner)
    rows, action, arns, call = operations_attempts(copied, operator, region, thing)[operation]
    probe.denied(
        Subject(
            "guardrail-operations",
            rows,
            f"not even an administrator of operations can call {operation}",
            operator,
            action,
            f"operations account in {region}",
            arns,
        ),
        call,
        twin=bedrock.get_model_invocation_logging_configuration,
    )


def test_operators_cannot_call_models_elsewhere(probe: Recorder, cast: Cast, region: str) -> None:
    """Neither in another Region nor through a global profile, which may run anywhere."""
    environment = cast.stage.environment
    if region in environment.model_regions:
        named = "global.anthropic.claude-sonnet-4-20250514-v1:0"
        account = environment.operations_account
        arns: tuple[str, ...] = (
            "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0",
            f"arn:aws:bedrock:{region}:{account}:inference-profile/{named}",
        )
    else:
        named = next(iter(cast.stage.fleets.values())).model
        arns = (f"arn:aws:bedrock:{region}::foundation-model/{named}",)
    operator = cast.administrator(environment.operations_account)
    own = next(iter(cast.stage.fleets.values())).model
    probe.denied(
        Subject(
            "guardrail-region",
            ("G03", "G04", "B09", "P06"),
            "not even an administrator of operations can call a model in another Region",
            operator,
            "bedrock:InvokeModel",
            f"{named} in {region}",
            arns,
        ),
        lambda: converse(cast, operator, named, region),
        twin=lambda: converse(cast, operator, own),
    )
