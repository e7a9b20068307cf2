"""Which statement of a fleet role's policy denies what, decided on the policy as it was deployed.

Beside an administrator's policy and without the boundary, so that only denials refuse. The module's
README says the same, and is held to it here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.deploy.deployment import Deployment, Fleet
from harness.iam import NamedPolicy, PolicyKind, PolicySet, Principal, Request, decide, parse_policy

README = Path(__file__).resolve().parents[2] / "modules" / "operations-role-fleet" / "README.md"
INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
OTHER, ELSE, PAST, TIERS = (
    "DenyEveryOtherAction",
    "DenyInvokeOfAnythingElse",
    "DenyModelsPastOwnProfiles",
    "DenyServiceTiers",
)
ADMINISTRATOR = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


@dataclass(frozen=True)
class Case:
    """What a customer must not do (as the README names it), and the statement that denies it.

    Templates know the Region `{r}`, the operations account `{a}`, the customer's profile `{own}`
    and model `{model}`, and another customer's profile `{foreign}`.
    """

    what: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    context: dict[str, str] = field(default_factory=dict)


def kind(*kinds: str) -> tuple[str, ...]:
    return tuple("arn:aws:bedrock:{r}:{a}:" + each for each in kinds)


CASES = [
    Case("other customers' profiles", ELSE, INVOKE, ("{foreign}",)),
    Case("models without a profile", PAST, INVOKE, ("{model}",)),
    Case(
        "models through another profile",
        PAST,
        INVOKE,
        ("{model}",),
        {"bedrock:InferenceProfileArn": "{foreign}"},
    ),
    Case(
        "other models, and other regions",
        ELSE,
        INVOKE,
        (
            "arn:aws:bedrock:{r}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0",
            "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0",
        ),
        {"bedrock:InferenceProfileArn": "{own}"},
    ),
    Case(
        "cross-region and global profiles of AWS",
        ELSE,
        INVOKE,
        kind("inference-profile/eu.amazon.nova-lite-v1:0", "inference-profile/global.anthropic.x"),
    ),
    Case(
        "custom and imported models, provisioned throughput, prompt routers, Marketplace endpoints",
        ELSE,
        INVOKE,
        (
            *kind("custom-model/x/y", "custom-model-deployment/x", "imported-model/x"),
            *kind("provisioned-model/x", "default-prompt-router/x:1", "prompt-router/x"),
            "arn:aws:sagemaker:{r}:{a}:endpoint/x",
        ),
    ),
    Case("Responses API, new responses", ELSE, INVOKE, kind("project/default")),
    Case(
        "Responses API, stored responses",
        OTHER,
        ("bedrock:GetInvoke", "bedrock:CancelInvoke", "bedrock:DeleteInvoke"),
        kind("project/default"),
    ),
    Case(
        "asynchronous calls",
        ELSE,
        INVOKE,
        kind("async-invoke/*", "async-invoke/000000000000"),
    ),
    Case(
        "asynchronous calls of others",
        OTHER,
        ("bedrock:GetAsyncInvoke", "bedrock:ListAsyncInvokes"),
        kind("async-invoke/000000000000"),
    ),
    Case(
        "batch jobs",
        OTHER,
        (
            *("bedrock:CreateModelInvocationJob", "bedrock:GetModelInvocationJob"),
            *("bedrock:ListModelInvocationJobs", "bedrock:StopModelInvocationJob", "iam:PassRole"),
        ),
    ),
    Case(
        "Mantle, whatever it does",
        OTHER,
        (
            *("bedrock-mantle:CreateInference", "bedrock-mantle:GetInference"),
            *("bedrock-mantle:ListFiles", "bedrock-mantle:PutAccountDataRetention"),
        ),
        ("arn:aws:bedrock-mantle:{r}:{a}:project/default",),
    ),
    Case(
        "API keys: calls with a bearer token, and making users that have one",
        OTHER,
        (
            *("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken"),
            *("iam:CreateUser", "iam:CreateServiceSpecificCredential", "sts:GetWebIdentityToken"),
        ),
    ),
    Case(
        "invocation logging",
        OTHER,
        (
            "bedrock:PutModelInvocationLoggingConfiguration",
            "bedrock:DeleteModelInvocationLoggingConfiguration",
            "bedrock:GetModelInvocationLoggingConfiguration",
        ),
    ),
    Case("data retention", OTHER, ("bedrock:PutAccountDataRetention",)),
    Case(
        "profiles and their tags: making, changing, listing, reading others'",
        OTHER,
        (
            *("bedrock:CreateInferenceProfile", "bedrock:DeleteInferenceProfile"),
            *("bedrock:TagResource", "bedrock:UntagResource", "bedrock:ListTagsForResource"),
            *("bedrock:ListInferenceProfiles", "bedrock:GetInferenceProfile"),
        ),
        ("{own}", "{foreign}"),
    ),
    Case(
        "guardrails, agents, flows, knowledge bases, prompts, sessions, system tools",
        OTHER,
        (
            *("bedrock:GetGuardrail", "bedrock:UpdateGuardrail", "bedrock:ApplyGuardrail"),
            *("bedrock:InvokeAgent", "bedrock:InvokeInlineAgent", "bedrock:InvokeFlow"),
            *("bedrock:Retrieve", "bedrock:RetrieveAndGenerate", "bedrock:GetPrompt"),
            *("bedrock:RenderPrompt", "bedrock:CreateSession", "bedrock:PutInvocationStep"),
            *("bedrock:GetInvocationStep", "bedrock:InvokeTool", "bedrock:PutResourcePolicy"),
        ),
    ),
    Case(
        "training, importing, buying and subscribing models",
        OTHER,
        (
            *("bedrock:CreateModelCustomizationJob", "bedrock:CreateModelImportJob"),
            *("bedrock:CreateProvisionedModelThroughput", "bedrock:PutUseCaseForModelAccess"),
            *("bedrock:CreateFoundationModelAgreement", "bedrock:PutFoundationModelEntitlement"),
            "aws-marketplace:Subscribe",
        ),
    ),
    Case(
        "other roles, and its own: assuming, tagging, changing",
        OTHER,
        (
            *("sts:AssumeRole", "sts:TagSession", "iam:UpdateAssumeRolePolicy"),
            *("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:TagRole"),
            *("iam:DeleteRolePermissionsBoundary", "iam:ListRoles"),
        ),
        ("arn:aws:iam::{a}:role/bulkhead/fleet/bulkhead-acme",),
    ),
    Case(
        "logs, metrics, traces, events and buckets of the operations account",
        OTHER,
        (
            *("logs:CreateLogGroup", "logs:PutLogEvents", "logs:GetLogEvents", "s3:PutObject"),
            *("s3:GetObject", "cloudwatch:PutMetricData", "xray:PutTraceSegments"),
            *("events:PutEvents", "cloudtrail:LookupEvents"),
        ),
    ),
    Case("tokens of models", OTHER, ("bedrock:CountTokens",), ("{model}",)),
    Case(
        "tiers that cost more",
        TIERS,
        INVOKE,
        ("{own}",),
        {"bedrock:ServiceTier": "priority"},
    ),
]


@pytest.fixture(scope="module")
def policy(deployment: Deployment) -> str:
    """The inline policy of acme's fleet role."""
    target = deployment.target()
    session = target.session(deployment.environment.operations_account)
    iam = target.client(session, "iam", deployment.environment.region)
    role = deployment.fleets["acme"].fleet_role_name
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])


def decided(
    deployment: Deployment, policy: str, action: str, resource: str, context: dict[str, str]
) -> tuple[bool, set[str]]:
    """Whether acme's fleet role may, and the statements of its own policy that say no."""
    fleet = deployment.fleets["acme"]
    names = _names(deployment, fleet)
    policies = PolicySet(
        identity=(
            NamedPolicy(PolicyKind.IDENTITY, "own", parse_policy(policy)),
            NamedPolicy(PolicyKind.IDENTITY, "everything", parse_policy(ADMINISTRATOR)),
        )
    )
    request = Request(
        Principal.from_arn(fleet.fleet_role_arn),
        action,
        resource.format(**names),
        "",
        {key: value.format(**names) for key, value in context.items()},
    )
    decision = decide(request, policies)
    return decision.allowed, {ref.statement for ref in decision.decided_by if ref.policy == "own"}


def _names(deployment: Deployment, fleet: Fleet) -> dict[str, str]:
    region = fleet.region
    model, own = next(iter(fleet.inference_profiles[region].items()))
    return {
        "r": region,
        "a": deployment.environment.operations_account,
        "own": own,
        "model": f"arn:aws:bedrock:{region}::foundation-model/{model}",
        "foreign": next(iter(deployment.fleets["globex"].inference_profiles[region].values())),
    }


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_it_is_denied_by_the_statement_that_is_for_it(
    deployment: Deployment, policy: str, case: Case
) -> None:
    for action in case.actions:
        for resource in case.resources:
            allowed, sids = decided(deployment, policy, action, resource, case.context)
            assert not allowed, (action, resource)
            assert case.sid in sids, (action, resource, sids)


@pytest.mark.parametrize("action", INVOKE)
def test_the_customers_own_calls_are_not_denied(
    deployment: Deployment, policy: str, action: str
) -> None:
    """The twin of all of them."""
    assert decided(deployment, policy, action, "{own}", {}) == (True, {"InvokeOwnProfiles"})
    key = {"bedrock:InferenceProfileArn": "{own}"}
    assert decided(deployment, policy, action, "{model}", key)[0]


def test_the_readme_tells_it() -> None:
    text = README.read_text(encoding="utf-8").split("## What is denied, by which statement")[1]
    table = re.findall(r"^\| (.+?) \| `(\w+)` \|", text.split("\n## ")[0], re.MULTILINE)
    assert table == [(case.what, case.sid) for case in CASES]
