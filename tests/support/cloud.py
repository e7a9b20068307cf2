"""What tests of the embedded cloud share: accounts, clients, policy documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import create_loader

from harness.cloud.process import CloudProcess

A, B, OUTSIDER, MANAGEMENT, LONER = (
    "111111111111",
    "222222222222",
    "666666666666",
    "999999999999",
    "777777777777",
)
REGION = "eu-central-1"


_LOADER = create_loader()


def _session(**kwargs: Any) -> boto3.Session:
    """A session that reads the services' models once per process, not once per session."""
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    return boto3.Session(botocore_session=core, **kwargs)


class Clients:
    """boto3 clients for the profiles and sessions of one cloud."""

    def __init__(self, cloud: CloudProcess) -> None:
        self.cloud = cloud

    def session(self, profile: str) -> boto3.Session:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self.cloud.credentials))
            patch.delenv("AWS_PROFILE", raising=False)
            session = _session(profile_name=profile, region_name=REGION)
            session.get_credentials()
        return session

    def __call__(self, who: str | boto3.Session, service: str, region: str = REGION) -> Any:
        session = self.session(who) if isinstance(who, str) else who
        return session.client(
            service,
            region_name=region,
            endpoint_url=self.cloud.endpoint,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        )

    def assume(self, who: str | boto3.Session, role_arn: str, **kwargs: Any) -> boto3.Session:
        kwargs.setdefault("RoleSessionName", "test")
        answer = self(who, "sts").assume_role(RoleArn=role_arn, **kwargs)["Credentials"]
        return _session(
            aws_access_key_id=answer["AccessKeyId"],
            aws_secret_access_key=answer["SecretAccessKey"],
            aws_session_token=answer["SessionToken"],
            region_name=REGION,
        )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def trust(principal: Any, action: Any = "sts:AssumeRole", **rest: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **rest})


def trust_service(service: str, condition: dict[str, Any] | None = None) -> str:
    """The trust policy of a role for an AWS service."""
    return trust({"Service": service}, **({"Condition": condition} if condition else {}))


def error_code(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The code of the `ClientError` that a call must raise."""
    with pytest.raises(ClientError) as refused:
        function(*args, **kwargs)
    return str(refused.value.response["Error"]["Code"])
