"""The client against the embedded cloud, which decides every request: real roles, real refusals."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from support.client_lab import valid

from bulkhead import AssumeRoleError, Bulkhead, DestinationError, ModelSession
from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess

OPERATIONS, ACME, GLOBEX = "111111111111", "222222222222", "333333333333"
REGION = "eu-central-1"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
GROUP = "/bulkhead/acme/bedrock"
EXTERNAL_ID = "a1f2c3d4-5566-4788-99aa-bbccddeeff00"
EXAMPLES = Path(__file__).parents[2] / "client" / "examples"


def arn(account: str, path: str) -> str:
    return f"arn:aws:iam::{account}:role{path}"


FLEET = arn(OPERATIONS, "/bulkhead/fleet/bulkhead-acme")
CALLER = arn(ACME, "/bulkhead/bulkhead-caller")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal: dict[str, str], **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return policy({**statement, "Condition": condition} if condition else statement)


@dataclass
class Place:
    """What the tests start from."""

    cloud: CloudProcess
    document: dict[str, Any]
    profiles: dict[str, str]
    config_file: Path

    def session(self, profile: str) -> boto3.Session:
        """A session of a profile of the credentials file."""
        return boto3.Session(profile_name=profile, region_name=REGION)

    def admin(self, account: str, service: str) -> Any:
        """A client of an account's administrator."""
        settings = Config(retries={"total_max_attempts": 1})
        return self.session(account).client(service, config=settings)

    def caller(self, role: str = CALLER) -> boto3.Session:
        """A session of a role of the Lambda application's account."""
        lambda_service = self.session(f"lambda.amazonaws.com@{ACME}").client("sts")
        keys = lambda_service.assume_role(RoleArn=role, RoleSessionName="app")["Credentials"]
        return boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=REGION,
        )

    def events(self, account: str, group: str) -> list[str]:
        """The messages in a log group."""
        pages = self.admin(account, "logs").get_paginator("filter_log_events")
        return [
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        ]

    def records(self) -> list[dict[str, Any]]:
        """The records in the customer's group, all of them valid."""
        return [valid(json.loads(message)) for message in self.events(ACME, GROUP)]


def point_at(cloud: CloudProcess, patch: pytest.MonkeyPatch, folder: Path) -> Place:
    """Make the environment name this cloud and nothing else."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LANGSMITH_", "LANGCHAIN_")):
            patch.delenv(name)
    patch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(cloud.credentials))
    patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    return Place(cloud, {}, {}, folder / "config")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A cloud with a fleet role, two inference profiles and a caller role."""
    folder = tmp_path_factory.mktemp("cloud")
    plan = CloudPlan(accounts=(OPERATIONS, ACME, GLOBEX))
    with CloudProcess.start(plan, credentials=folder / "credentials") as cloud:
        with pytest.MonkeyPatch.context() as patch:
            place = point_at(cloud, patch, folder)
            _operations(place)
            _customer(place)
        yield place


@pytest.fixture
def place(loaded: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    """A copy of the loaded cloud for one test."""
    cloud = loaded.cloud.fork()
    place = point_at(cloud, monkeypatch, tmp_path)
    place.profiles = loaded.profiles
    place.document = {
        "customer": "acme",
        "account_id": ACME,
        "app": "orders",
        "region": REGION,
        "fleet_role_arn": FLEET,
        "external_id": EXTERNAL_ID,
        "log_group_name": GROUP,
        "inference_profiles": {MODEL: place.profiles["acme"]},
        "endpoint_url": cloud.endpoint,
    }
    yield place
    cloud.stop()


def _operations(place: Place) -> None:
    bedrock = place.admin(OPERATIONS, "bedrock")
    source = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
    for customer in ("acme", "globex"):
        made = bedrock.create_inference_profile(
            inferenceProfileName=f"bulkhead-{customer}", modelSource={"copyFrom": source}
        )
        place.profiles[customer] = made["inferenceProfileArn"]
    iam = place.admin(OPERATIONS, "iam")
    iam.create_role(
        RoleName="bulkhead-acme",
        Path="/bulkhead/fleet/",
        AssumeRolePolicyDocument=trust(
            {"AWS": f"arn:aws:iam::{ACME}:root"},
            StringEquals={"aws:PrincipalArn": CALLER, "sts:ExternalId": EXTERNAL_ID},
            StringLike={"sts:RoleSessionName": "t-${aws:PrincipalAccount}-*"},
        ),
    )
    own = place.profiles["acme"]
    invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    through = {"StringEquals": {"bedrock:InferenceProfileArn": own}}
    iam.put_role_policy(
        RoleName="bulkhead-acme",
        PolicyName="invoke-own-profiles",
        PolicyDocument=policy(allow(invoke, own), allow(invoke, source, Condition=through)),
    )


def _customer(place: Place) -> None:
    iam = place.admin(ACME, "iam")
    group_arn = f"arn:aws:logs:{REGION}:{ACME}:log-group:{GROUP}"
    for name in ("bulkhead-caller", "other"):
        iam.create_role(
            RoleName=name,
            Path="/bulkhead/",
            AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}),
        )
        iam.put_role_policy(
            RoleName=name,
            PolicyName="bulkhead",
            PolicyDocument=policy(
                allow("sts:AssumeRole", FLEET),
                allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"{group_arn}:*"),
            ),
        )
    place.admin(ACME, "logs").create_log_group(logGroupName=GROUP)


def test_every_way_of_calling_leaves_its_record_in_the_customers_account(place: Place) -> None:
    canary = f"canary-{uuid.uuid4()}"
    with Bulkhead.from_config(place.document, place.caller()) as app:
        chat = app.chat(MODEL, max_tokens=64)
        chat.invoke(canary, config={"metadata": {"conversation_id": canary}})
        assert len(list(chat.stream(canary))) > 1
        asyncio.run(chat.ainvoke(canary))

        async def stream() -> int:
            return len([chunk async for chunk in chat.astream(canary)])

        assert asyncio.run(stream()) > 1
    records = place.records()
    assert len(records) == 4
    for record in records:
        assert record["bulkhead.status"] == "success"
        assert record["gen_ai.request.model"] == MODEL
        assert record["bulkhead.inference_profile.arn"] == place.profiles["acme"]
        assert record["gen_ai.usage.input_tokens"] > 0
        assert record["gen_ai.usage.output_tokens"] > 0
        assert record["gen_ai.response.finish_reasons"]
        assert record["bulkhead.service.latency_ms"] >= 0
    assert len({record["aws.request_id"] for record in records}) == 4
    # The one place the canary may be is where the caller put it: the conversation id.
    assert sum(canary in json.dumps(record) for record in records) == 1
    assert not place.admin(OPERATIONS, "logs").describe_log_groups()["logGroups"]
    assert not place.admin(GLOBEX, "logs").describe_log_groups()["logGroups"]


@pytest.mark.parametrize(
    ("program", "arguments", "records"),
    [("application.py", (), 3), ("async_application.py", ("What?", "And why?"), 3)],
)
def test_the_example_applications_run_from_a_file_and_a_profile(
    place: Place, tmp_path: Path, program: str, arguments: tuple[str, ...], records: int
) -> None:
    (tmp_path / "app.json").write_text(json.dumps(place.document))
    place.config_file.write_text(
        f"[profile orders]\nrole_arn = {CALLER}\nregion = {REGION}\n"
        f"source_profile = lambda.amazonaws.com@{ACME}\n"
    )
    config = str(tmp_path / "app.json")
    command = [sys.executable, str(EXAMPLES / program), "--config", config, "--profile", "orders"]
    done = subprocess.run(
        [*command, *arguments],
        timeout=90,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"records: {records} of {records} delivered"
    assert len(place.records()) == records
    assert all(record["bulkhead.status"] == "success" for record in place.records())


@pytest.mark.parametrize("wrong", ["external id", "role"])
def test_who_may_not_become_the_fleet_role_calls_no_model(place: Place, wrong: str) -> None:
    caller = place.caller()
    document = dict(place.document)
    if wrong == "external id":
        document["external_id"] = "another-external-id"
    else:
        caller = place.caller(arn(ACME, "/bulkhead/other"))
    with (
        Bulkhead.from_config(document, caller) as app,
        pytest.raises(AssumeRoleError, match="AccessDenied"),
    ):
        app.chat(MODEL).invoke("hello")
    (record,) = place.records()
    assert (record["bulkhead.status"], record["error.type"]) == ("error", "AssumeRoleError")
    # The twin: the same cloud lets the right caller with the right external id through.
    with Bulkhead.from_config(place.document, place.caller()) as app:
        app.chat(MODEL).invoke("hello")
    assert [each["bulkhead.status"] for each in place.records()].count("success") == 1


def test_another_customers_inference_profile_is_refused_and_recorded(place: Place) -> None:
    place.document["inference_profiles"] = {MODEL: place.profiles["globex"]}
    refusal = "not authorized to perform: bedrock:InvokeModel"
    with (
        Bulkhead.from_config(place.document, place.caller()) as app,
        pytest.raises(Exception, match=refusal),
    ):
        app.chat(MODEL).invoke("hello")
    (record,) = place.records()
    assert record["error.type"] == "AccessDeniedException"
    assert "not authorized" not in json.dumps(record)


def test_the_fleet_roles_credentials_never_write_a_log(place: Place) -> None:
    """Also where they could: a group of that name is there, and the role may write to it."""
    place.admin(OPERATIONS, "logs").create_log_group(logGroupName=GROUP)
    place.admin(OPERATIONS, "iam").put_role_policy(
        RoleName="bulkhead-acme", PolicyName="logs", PolicyDocument=policy(allow("logs:*", "*"))
    )
    with Bulkhead.from_config(place.document, place.caller()) as app:
        fleet = ModelSession(app.config, place.caller())
        with pytest.raises(DestinationError, match=f"operations account {OPERATIONS}"):
            Bulkhead(app.config, fleet._session)
    streams = place.admin(OPERATIONS, "logs").describe_log_streams(logGroupName=GROUP)
    assert not streams["logStreams"]
    # A second wall: the session keeps no right to do it, whatever the role may do.
    narrowed = fleet._session.create_client("logs", region_name=REGION)
    with pytest.raises(ClientError, match="no session policy allows the logs:CreateLogStream"):
        narrowed.create_log_stream(logGroupName=GROUP, logStreamName="leak")
    # The twin: without both walls, the role's credentials do write there.
    keys = (
        place.caller()
        .client("sts")
        .assume_role(RoleArn=FLEET, RoleSessionName=f"t-{ACME}-orders", ExternalId=EXTERNAL_ID)[
            "Credentials"
        ]
    )
    boto3.client(
        "logs",
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    ).create_log_stream(logGroupName=GROUP, logStreamName="leak")
