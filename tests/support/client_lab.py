"""An embedded cloud with two accounts, and a client that calls through it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
from botocore.config import Config
from support.fault_proxy import FaultProxy

from bulkhead import Bulkhead, Delivery, PriceTable, Walls
from bulkhead.fields import schema_file
from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess

OPERATIONS, ACME = "111111111111", "222222222222"
REGION = "eu-central-1"
CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
NOVA = "amazon.nova-lite-v1:0"
LLAMA = "meta.llama3-8b-instruct-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"
MODELS = (CLAUDE, NOVA, LLAMA, TITAN, COHERE)
GROUP, CONTENT = "/bulkhead/acme/bedrock", "/bulkhead/acme/content"
EXTERNAL_ID = "a1f2c3d4-5566-4788-99aa-bbccddeeff00"
PARAMETER = "/bulkhead/acme/client"
FLEET = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/fleet/bulkhead-acme"
CALLER = f"arn:aws:iam::{ACME}:role/bulkhead/bulkhead-caller"
PRICES = PriceTable.from_mapping(
    {
        "as_of": "2026-01-31",
        "prices": [
            {
                "models": [CLAUDE],
                "regions": [REGION],
                "input": 3,
                "output": 15,
                "cache_read": 0.3,
                "cache_write_5m": 3.75,
                "cache_write_1h": 6,
            },
            {"models": [TITAN, COHERE], "regions": ["*"], "input": 0.02},
        ],
    }
)

_VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_file().read_text()))


def valid(record: dict[str, Any]) -> dict[str, Any]:
    """The record, if the schema that is shipped knows it; what else a test writes is its own."""
    if "bulkhead.record.type" in record:
        _VALIDATOR.validate(record)
    return record


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action: list[str], resource: list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@dataclass
class Lab:
    """What tests of the client over HTTP need: the cloud behind a proxy, and a document."""

    cloud: CloudProcess
    proxy: FaultProxy
    document: dict[str, Any]
    guardrail: str = ""
    _logs: Any = None
    _seen: dict[str, tuple[int, set[str]]] = field(default_factory=dict)

    def admin(self, account: str, service: str) -> Any:
        settings = Config(retries={"total_max_attempts": 1})
        return boto3.Session(profile_name=account, region_name=REGION).client(
            service, config=settings, endpoint_url=self.cloud.endpoint
        )

    def caller(self) -> boto3.Session:
        """A session of the application's role."""
        service = boto3.Session(
            profile_name=f"lambda.amazonaws.com@{ACME}", region_name=REGION
        ).client("sts", endpoint_url=self.cloud.endpoint)
        keys = service.assume_role(RoleArn=CALLER, RoleSessionName="app")["Credentials"]
        return boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=REGION,
        )

    def client(self, **options: Any) -> Bulkhead:
        """A client whose calls go through the proxy."""
        return Bulkhead.from_config(
            self.document,
            self.caller(),
            endpoint_url=self.proxy.url,
            linger=0.01,
            # An app that tests share lives for longer than a minute.
            delivery=Delivery(heartbeat=0),
            # Some tests name a guardrail.
            walls=Walls(session_actions={"bedrock:ApplyGuardrail"}),
            **{"prices": PRICES, **options},
        )

    def new(self, group: str) -> list[dict[str, Any]]:
        """The records in a group since the last look, oldest first; all of them valid."""
        if self._logs is None:
            self._logs = self.admin(ACME, "logs")
        since, seen = self._seen.get(group, (0, set()))
        pages = self._logs.get_paginator("filter_log_events")
        events = [
            event
            for page in pages.paginate(logGroupName=group, startTime=since)
            for event in page["events"]
            if event["eventId"] not in seen
        ]
        if events:
            last = max(event["timestamp"] for event in events)
            # A call may have ended before one that was delivered earlier.
            ids = seen | {event["eventId"] for event in events}
            self._seen[group] = (last - 60_000, ids)
        return [valid(json.loads(event["message"])) for event in events]

    def records(self, app: Bulkhead) -> list[dict[str, Any]]:
        """The records since the last look, delivered by now."""
        assert app.flush(60)
        assert app.stats.delivered == app.stats.offered
        assert app.recorder.failures == 0
        assert "handler" not in app.__dict__ or app.handler.failures == 0
        return self.new(GROUP)

    def content(self, app: Bulkhead) -> list[dict[str, Any]]:
        """The content records since the last look."""
        assert app.flush(60)
        return self.new(CONTENT)


def start(folder: Path) -> Iterator[Lab]:
    """Start a cloud and set both accounts up."""
    plan = CloudPlan(accounts=(OPERATIONS, ACME))
    with CloudProcess.start(plan, credentials=folder / "credentials") as cloud:
        proxy = FaultProxy(cloud.endpoint).start()
        lab = Lab(cloud, proxy, {})
        try:
            with pytest.MonkeyPatch.context() as patch:
                point_at(lab, patch)
                _set_up(lab)
            yield lab
        finally:
            proxy.stop()


def point_at(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    """Make the environment name this cloud and nothing else."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LANGSMITH_", "LANGCHAIN_")):
            patch.delenv(name)
    patch.setenv("AWS_ENDPOINT_URL", lab.proxy.url)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(lab.cloud.credentials))
    patch.setenv("AWS_CONFIG_FILE", str(lab.cloud.credentials.with_name("config")))


def _set_up(lab: Lab) -> None:
    bedrock = lab.admin(OPERATIONS, "bedrock")
    profiles, sources = {}, []
    for number, model in enumerate(MODELS):
        source = f"arn:aws:bedrock:{REGION}::foundation-model/{model}"
        made = bedrock.create_inference_profile(
            inferenceProfileName=f"acme-{number}", modelSource={"copyFrom": source}
        )
        profiles[model] = made["inferenceProfileArn"]
        sources.append(source)
    guardrail = bedrock.create_guardrail(
        name="words",
        wordPolicyConfig={"wordsConfig": [{"text": "dynamite"}]},
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
    )
    lab.guardrail = guardrail["guardrailId"]
    invoke = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    own = list(profiles.values())
    iam = lab.admin(OPERATIONS, "iam")
    iam.create_role(
        RoleName="bulkhead-acme",
        Path="/bulkhead/fleet/",
        AssumeRolePolicyDocument=_policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACME}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:PrincipalArn": CALLER, "sts:ExternalId": EXTERNAL_ID}
                },
            }
        ),
    )
    iam.put_role_policy(
        RoleName="bulkhead-acme",
        PolicyName="invoke-own-profiles",
        PolicyDocument=_policy(
            _allow(invoke, own),
            _allow(
                invoke, sources, Condition={"StringEquals": {"bedrock:InferenceProfileArn": own}}
            ),
            _allow(["bedrock:ApplyGuardrail"], [guardrail["guardrailArn"]]),
        ),
    )
    groups = [f"arn:aws:logs:{REGION}:{ACME}:log-group:{name}:*" for name in (GROUP, CONTENT)]
    parameter = f"arn:aws:ssm:{REGION}:{ACME}:parameter{PARAMETER}"
    iam = lab.admin(ACME, "iam")
    iam.create_role(
        RoleName="bulkhead-caller",
        Path="/bulkhead/",
        AssumeRolePolicyDocument=_policy(
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ),
    )
    iam.put_role_policy(
        RoleName="bulkhead-caller",
        PolicyName="bulkhead",
        PolicyDocument=_policy(
            _allow(["sts:AssumeRole"], [FLEET]),
            _allow(["logs:CreateLogStream", "logs:PutLogEvents"], groups),
            _allow(["ssm:GetParameter"], [f"{parameter}*"]),
            _allow(["kms:Decrypt"], ["*"]),
        ),
    )
    for name in (GROUP, CONTENT):
        lab.admin(ACME, "logs").create_log_group(logGroupName=name)
    lab.document = {
        "customer": "acme",
        "account_id": ACME,
        "app": "orders",
        "region": REGION,
        "fleet_role_arn": FLEET,
        "external_id": EXTERNAL_ID,
        "log_group_name": GROUP,
        "inference_profiles": profiles,
        "endpoint_url": lab.proxy.url,
        "content": {
            "log_group_name": CONTENT,
            "log_group_arn": f"arn:aws:logs:{REGION}:{ACME}:log-group:{CONTENT}",
            "kms_key_arn": "arn:aws:kms:eu-central-1:222222222222:key/none",
            "retention_in_days": 30,
        },
    }
