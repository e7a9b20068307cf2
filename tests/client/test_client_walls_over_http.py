"""The client's walls against the embedded cloud, which decides: what a stolen session can do, whose
prompts a prompt cache gives away, whom a greedy application starves."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bulkhead import AssumeRoleError, BulkheadConfig, ModelSession, QuotaError, Walls
from harness.cloud.plan import CloudPlan, QuotaPlan
from harness.cloud.process import CloudProcess

OPERATIONS, ACME, GLOBEX = "111111111111", "222222222222", "333333333333"
CUSTOMERS = {"acme": ACME, "globex": GLOBEX}
REGION = "eu-central-1"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
OTHER = "anthropic.claude-3-haiku-20240307-v1:0"
TOKENS_PER_MINUTE = 6_000
PREFIX = " ".join(f"Rule {number}: be kind to customers." for number in range(400))
POINT = {"cachePoint": {"type": "default"}}
CONTROL = {"cache_control": {"type": "ephemeral"}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass
class Fleet:
    """A cloud with a fleet role and a caller role for each customer."""

    cloud: CloudProcess
    profiles: dict[tuple[str, str], str]
    credentials: Path

    def client(self, profile: str, service: str) -> Any:
        return boto3.Session(profile_name=profile, region_name=REGION).client(
            service, endpoint_url=self.cloud.endpoint
        )

    def caller(self, customer: str) -> boto3.Session:
        account = CUSTOMERS[customer]
        sts = self.client(f"lambda.amazonaws.com@{account}", "sts")
        role = f"arn:aws:iam::{account}:role/caller"
        return session_with(sts.assume_role(RoleArn=role, RoleSessionName="app"))

    def config(self, customer: str, **more: Any) -> BulkheadConfig:
        return BulkheadConfig.from_mapping(
            {
                "customer": customer,
                "account_id": CUSTOMERS[customer],
                "app": "orders",
                "region": REGION,
                "fleet_role_arn": f"arn:aws:iam::{OPERATIONS}:role/bulkhead-{customer}",
                "external_id": f"external-id-of-{customer}",
                "log_group_name": "/bulkhead/bedrock",
                "inference_profiles": {MODEL: self.profiles[customer, MODEL]},
                "endpoint_url": self.cloud.endpoint,
                **more,
            }
        )

    def session(self, customer: str, walls: Walls | None = None, **more: Any) -> ModelSession:
        return ModelSession(self.config(customer, **more), self.caller(customer), walls=walls)

    def stolen(self, customer: str, walls: Walls | None = None) -> boto3.Session:
        """The keys of a model session, in somebody else's hands."""
        keys = self.session(customer, walls)._credentials.get_frozen_credentials()
        return boto3.Session(keys.access_key, keys.secret_key, keys.token, region_name=REGION)

    def plain(self, customer: str) -> boto3.Session:
        """A session of the same role that nobody narrowed."""
        answer = (
            self.caller(customer)
            .client("sts", endpoint_url=self.cloud.endpoint)
            .assume_role(
                RoleArn=f"arn:aws:iam::{OPERATIONS}:role/bulkhead-{customer}",
                RoleSessionName=f"t-{CUSTOMERS[customer]}-orders",
                ExternalId=f"external-id-of-{customer}",
            )
        )
        return session_with(answer)

    def runtime(self, session: boto3.Session) -> Any:
        return session.client("bedrock-runtime", endpoint_url=self.cloud.endpoint)


def session_with(answer: Any) -> boto3.Session:
    keys = answer["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
    )


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("walls")
    plan = CloudPlan(
        accounts=(OPERATIONS, ACME, GLOBEX),
        quotas=(QuotaPlan(model=OTHER, tokens_per_minute=TOKENS_PER_MINUTE),),
    )
    with (
        pytest.MonkeyPatch.context() as patch,
        CloudProcess.start(plan, credentials=folder / "credentials") as cloud,
    ):
        for name in list(os.environ):
            if name.startswith(("AWS_", "LANGSMITH_", "LANGCHAIN_")):
                patch.delenv(name)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(cloud.credentials))
        patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        made = Fleet(cloud, {}, folder)
        for customer in CUSTOMERS:
            furnish(made, customer)
        yield made


@pytest.fixture(scope="module")
def walled(fleet: Fleet) -> dict[str, ModelSession]:
    """The client's own sessions."""
    return {
        "acme": fleet.session("acme"),
        "acme again": fleet.session("acme"),
        "globex": fleet.session("globex"),
    }


@pytest.fixture(scope="module")
def plain(fleet: Fleet) -> dict[str, boto3.Session]:
    """Sessions of the fleet roles that nobody narrowed and whose clients nobody salts."""
    return {customer: fleet.plain(customer) for customer in CUSTOMERS}


def furnish(fleet: Fleet, customer: str) -> None:
    """Roles of a customer. The fleet role may do all of Bedrock, so that what is refused, the
    session policy refuses; only globex's trust lets a caller set its source identity."""
    account = CUSTOMERS[customer]
    bedrock = fleet.client(OPERATIONS, "bedrock")
    for model in (MODEL, OTHER):
        source = f"arn:aws:bedrock:{REGION}::foundation-model/{model}"
        made = bedrock.create_inference_profile(
            inferenceProfileName=f"{customer}-{model.rsplit('-', 1)[0].replace('.', '-')}",
            modelSource={"copyFrom": source},
        )
        fleet.profiles[customer, model] = made["inferenceProfileArn"]
    trust: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": f"external-id-of-{customer}"}},
    }
    identity = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:SetSourceIdentity",
        "Condition": {"StringLike": {"sts:SourceIdentity": "orders-*"}},
    }
    iam = fleet.client(OPERATIONS, "iam")
    iam.create_role(
        RoleName=f"bulkhead-{customer}",
        AssumeRolePolicyDocument=policy(trust, *([identity] if customer == "globex" else [])),
    )
    everything = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName=f"bulkhead-{customer}", PolicyName="all", PolicyDocument=policy(everything)
    )
    own = fleet.client(account, "iam")
    own.create_role(
        RoleName="caller",
        AssumeRolePolicyDocument=policy(
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ),
    )
    assume = {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Resource": "*",
    }
    own.put_role_policy(RoleName="caller", PolicyName="assume", PolicyDocument=policy(assume))


def ask(runtime: Any, target: str, **more: Any) -> Any:
    call = {
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "inferenceConfig": {"maxTokens": 50},
        **more,
    }
    return runtime.converse(modelId=target, **call)


def test_a_stolen_session_calls_the_configured_models_and_nothing_else(
    fleet: Fleet, plain: dict[str, boto3.Session]
) -> None:
    stolen = fleet.stolen("acme")
    ask(fleet.runtime(stolen), fleet.profiles["acme", MODEL])
    elsewhere = [
        fleet.profiles["acme", OTHER],  # the customer's own, but not this application's
        fleet.profiles["globex", MODEL],
        MODEL,  # past any profile
    ]
    for target in elsewhere:
        with pytest.raises(ClientError, match="no session policy allows the bedrock:InvokeModel"):
            ask(fleet.runtime(stolen), target)
        # The twin: the role itself may.
        ask(fleet.runtime(plain["acme"]), target)


def test_a_stolen_session_cannot_look_around(fleet: Fleet, plain: dict[str, boto3.Session]) -> None:
    profile = fleet.profiles["acme", MODEL]

    def look(session: boto3.Session) -> Any:
        bedrock = session.client("bedrock", endpoint_url=fleet.cloud.endpoint)
        return bedrock.get_inference_profile(inferenceProfileIdentifier=profile)

    with pytest.raises(ClientError, match="no session policy allows"):
        look(fleet.stolen("acme"))
    look(plain["acme"])
    # And a session that keeps that right may, as the client's own control plane client does.
    session = fleet.session("acme", Walls(session_actions={"bedrock:GetInferenceProfile"}))
    session.control.get_inference_profile(inferenceProfileIdentifier=profile)


def test_a_stolen_session_can_be_tied_to_its_network(fleet: Fleet) -> None:
    def tied(address: str) -> Any:
        conditions = {"IpAddress": {"aws:SourceIp": address}}
        return fleet.runtime(fleet.stolen("acme", Walls(session_conditions=conditions)))

    ask(tied("127.0.0.0/8"), fleet.profiles["acme", MODEL])
    with pytest.raises(ClientError, match="no session policy allows"):
        ask(tied("203.0.113.0/24"), fleet.profiles["acme", MODEL])


def test_a_source_identity_is_set_where_the_trust_lets_it(fleet: Fleet) -> None:
    walls = Walls(source_identity="orders-service")
    ask(fleet.session("globex", walls).runtime, fleet.profiles["globex", MODEL])
    for customer, identity in (("acme", "orders-service"), ("globex", "somebody")):
        session = fleet.session(customer, Walls(source_identity=identity))
        with pytest.raises(AssumeRoleError, match="AccessDenied"):
            ask(session.runtime, fleet.profiles[customer, MODEL])


def converse_cached(runtime: Any, target: str, prefix: str) -> int:
    """Tokens that the cache gave."""
    usage = ask(runtime, target, system=[{"text": prefix}, POINT])["usage"]
    return int(usage.get("cacheReadInputTokens", 0))


def converse_tools(runtime: Any, target: str, prefix: str) -> int:
    spec = {"name": "find", "description": prefix, "inputSchema": {"json": {"type": "object"}}}
    usage = ask(runtime, target, toolConfig={"tools": [{"toolSpec": spec}, POINT]})["usage"]
    return int(usage.get("cacheReadInputTokens", 0))


def invoke_cached(runtime: Any, target: str, prefix: str) -> int:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "system": [{"type": "text", "text": prefix, **CONTROL}],
        "messages": [{"role": "user", "content": "hello"}],
    }
    answer = json.loads(runtime.invoke_model(modelId=target, body=json.dumps(body))["body"].read())
    return int(answer["usage"]["cache_read_input_tokens"])


@pytest.mark.parametrize("way", [converse_cached, converse_tools, invoke_cached])
def test_no_customer_sees_what_another_has_cached(
    way: Any, fleet: Fleet, walled: dict[str, ModelSession]
) -> None:
    prefix = f"{uuid.uuid4()} {PREFIX}"
    acme, globex = walled["acme"].runtime, walled["globex"].runtime
    assert way(acme, fleet.profiles["acme", MODEL], prefix) == 0
    assert way(globex, fleet.profiles["globex", MODEL], prefix) == 0
    # The customer's own next call finds its prefix: caching still pays, in another process too.
    again = walled["acme again"].runtime
    assert way(again, fleet.profiles["acme", MODEL], prefix) > 1024


@pytest.mark.parametrize("way", [converse_cached, converse_tools, invoke_cached])
def test_without_the_salt_a_customer_sees_it(
    way: Any, fleet: Fleet, plain: dict[str, boto3.Session]
) -> None:
    """The twin: the account's cache is shared, as AWS says; only the salt keeps customers apart."""
    prefix = f"{uuid.uuid4()} {PREFIX}"
    acme, globex = (fleet.runtime(plain[customer]) for customer in CUSTOMERS)
    assert way(acme, fleet.profiles["acme", MODEL], prefix) == 0
    assert way(globex, fleet.profiles["globex", MODEL], prefix) > 1024


def test_langchain_prompts_are_salted_too(walled: dict[str, ModelSession]) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage

    system = SystemMessage([{"type": "text", "text": f"{uuid.uuid4()} {PREFIX}"}, POINT])
    messages = [system, HumanMessage("hello")]

    def read(customer: str) -> int:
        answer = walled[customer].chat(MODEL, max_tokens=50).invoke(messages)
        return int(answer.usage_metadata["input_token_details"].get("cache_read", 0))

    assert [read("acme"), read("globex")] == [0, 0]
    assert read("acme") > 1024


def test_a_greedy_application_starves_its_neighbors_unless_it_keeps_its_quota(
    fleet: Fleet, plain: dict[str, boto3.Session]
) -> None:
    """Both share 6,000 tokens a minute of the account; acme's own share of them is 4,000."""
    greedy = {"inferenceConfig": {"maxTokens": 1500}}
    share = {OTHER: {"tokens_per_minute": 4_000}}

    def use(runtime: Any, refusal: type[Exception]) -> None:
        for _ in range(400):
            try:
                ask(runtime, fleet.profiles["acme", OTHER], **greedy)
            except refusal:
                return
        raise AssertionError("never refused")

    profiles = {OTHER: fleet.profiles["acme", OTHER]}
    acme = fleet.session("acme", Walls(quota_wait=0), inference_profiles=profiles, quotas=share)
    use(acme.runtime, QuotaError)
    neighbor = fleet.runtime(plain["globex"])
    ask(neighbor, fleet.profiles["globex", OTHER], **greedy)
    # The twin: nothing holds a client without it, and then the neighbor is throttled.
    use(fleet.runtime(plain["acme"]), ClientError)
    with pytest.raises(ClientError, match="ThrottlingException"):
        ask(neighbor, fleet.profiles["globex", OTHER], **greedy)
