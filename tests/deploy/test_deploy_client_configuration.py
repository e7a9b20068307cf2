"""What Terraform writes for the client is what the client reads, and all that it needs.

The documents are those of the applied environment, read by the client's own loader as the caller
role of each account.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bulkhead import documents, emf
from harness.cli.client_config import write_client_config
from harness.deploy.deployment import CustomerAccount, Deployment

EXAMPLES = Path(__file__).parents[2] / "client" / "examples"


def caller(made: Deployment, home: CustomerAccount, region: str | None = None) -> boto3.Session:
    """A session of the account's application, with this default region or none."""
    made_there = made.target().caller_session(
        home.caller_role_arn, home.caller, region=home.region, session_name="app"
    )
    keys = made_there.get_credentials()
    assert keys is not None
    return boto3.Session(keys.access_key, keys.secret_key, keys.token, region_name=region)


def pairs(made: Deployment) -> list[tuple[CustomerAccount, str]]:
    """Each account with each region that its customer calls models from."""
    return [
        (home, region)
        for home in made.accounts.values()
        for region in made.fleets[home.customer].regions
    ]


def written(made: Deployment, home: CustomerAccount, region: str) -> dict[str, Any]:
    """The document as its account's owner sees it."""
    target = made.target()
    ssm = target.client(target.session(home.account_id), "ssm", home.region)
    name = home.configuration[region].split(":parameter")[1]
    parameter = ssm.get_parameter(Name=name, WithDecryption=False)["Parameter"]
    assert parameter["Type"] == "String"
    document: dict[str, Any] = json.loads(parameter["Value"])
    return document


def test_there_is_one_document_for_each_region(deployment: Deployment) -> None:
    assert len(pairs(deployment)) > len(deployment.accounts), "no customer has two regions"
    for home in deployment.accounts.values():
        assert list(home.configuration) == sorted(deployment.fleets[home.customer].regions)


@pytest.mark.parametrize("own", [None, "us-east-1"])
def test_the_client_reads_what_terraform_wrote(deployment: Deployment, own: str | None) -> None:
    """Whatever region the session has: the source says where the parameters lie."""
    for home, region in pairs(deployment):
        fleet = deployment.fleets[home.customer]
        config = documents.read(
            home.configuration[region],
            caller(deployment, home, own),
            endpoint_url=deployment.place.endpoint,
            app="billing",
        )
        assert (config.customer, config.account_id) == (home.customer, home.account_id)
        assert (config.app, config.region) == ("billing", region)
        assert config.fleet_role_arn == fleet.fleet_role_arn
        assert config.external_id.reveal() == fleet.external_id
        assert config.inference_profiles == fleet.inference_profiles[region]
        assert (config.log_region, config.log_group_name) == (home.region, home.log_group_name)
        assert config.log_group_arn == home.log_group_arn
        content = None if home.content is None else home.content["log_group_name"]
        assert config.content_log_group_name == content
        prefix = fleet.session_name_prefix[home.account_id]
        assert config.session_name.startswith(prefix)


def test_the_document_names_every_field_and_no_secret(deployment: Deployment) -> None:
    for home, region in pairs(deployment):
        document = written(deployment, home, region)
        assert document["metrics_namespace"] == home.metrics["namespace"] == emf.NAMESPACE
        assert document["operations_account_id"] == deployment.environment.operations_account
        assert document["external_id_parameter"].endswith(f"/bulkhead/{home.customer}/external-id")
        text = json.dumps(document)
        assert not any(fleet.external_id in text for fleet in deployment.fleets.values())
        others = deployment.accounts.keys() - {home.account_id}
        assert not any(account in text for account in others)


def test_limits_of_the_list_arrive(deployment: Deployment) -> None:
    (home,) = (home for home in deployment.accounts.values() if home.customer == "initech")
    config = documents.read(
        home.configuration[home.region],
        caller(deployment, home),
        endpoint_url=deployment.place.endpoint,
        app="billing",
    )
    (limit,) = config.quotas.values()
    assert (limit.tokens_per_minute, limit.requests_per_minute) == (200_000, 600)


def test_an_application_reads_its_own_parameters_and_no_others(deployment: Deployment) -> None:
    home = next(home for home in deployment.accounts.values() if home.customer == "acme")
    target = deployment.target()
    owner = target.client(target.session(home.account_id), "ssm", home.region)
    other = "/bulkhead/acme/client-of-somebody-else"
    owner.put_parameter(Name=other, Value="x", Type="String", Overwrite=True)
    try:
        ssm = target.client(caller(deployment, home), "ssm", home.region)
        for name in ("/bulkhead/acme/external-id", "/bulkhead/acme/client/eu-west-1"):
            assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        with pytest.raises(ClientError, match="not authorized to perform: ssm:GetParameter on"):
            ssm.get_parameter(Name=other)
        with pytest.raises(ClientError, match="not authorized to perform: ssm:PutParameter on"):
            ssm.put_parameter(
                Name="/bulkhead/acme/client/eu-west-1", Value="{}", Type="String", Overwrite=True
            )
    finally:
        owner.delete_parameter(Name=other)


def test_a_deploy_role_reads_documents_and_no_external_id(deployment: Deployment) -> None:
    home = next(iter(deployment.accounts.values()))
    target = deployment.target()
    administrator = target.client(target.session(home.account_id), "sts", home.region)
    role = f"arn:aws:iam::{home.account_id}:role/bulkhead/bulkhead-deploy"
    keys = administrator.assume_role(RoleArn=role, RoleSessionName="probe")["Credentials"]
    ssm = target.client(target.assumed(keys), "ssm", home.region)
    name = home.configuration[home.region].split(":parameter")[1]
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"]
    with pytest.raises(ClientError, match="not authorized to perform: ssm:GetParameter on"):
        ssm.get_parameter(Name=f"/bulkhead/{home.customer}/external-id", WithDecryption=True)


@pytest.mark.parametrize(
    ("program", "arguments", "says"),
    [
        ("application.py", ["--prompt", "hello"], "records: 3 of 3 delivered"),
        ("async_application.py", ["one", "two"], "records: 3 of 3 delivered"),
    ],
)
def test_the_examples_run_from_what_terraform_wrote(
    deployment: Deployment, tmp_path: Path, program: str, arguments: list[str], says: str
) -> None:
    write_client_config(deployment, tmp_path, "globex", None)
    (home,) = (home for home in deployment.accounts.values() if home.customer == "globex")
    command = [
        *(sys.executable, str(EXAMPLES / program), "--profile", "caller", "--app", "example"),
        *("--config", home.configuration[home.region]),
        *("--endpoint-url", deployment.place.endpoint, *arguments),
    ]
    credentials = tmp_path / "clients" / f"{home.account_id}.credentials"
    done = subprocess.run(
        command,
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        | {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
