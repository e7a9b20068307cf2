"""The operations account's trail and what forwards assumptions, applied to an embedded cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import load_environment
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import Toolchain
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]
OPERATIONS, REGION = "111111111111", "eu-central-1"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    plan = cloud_plan(load_environment(ROOT / "environments" / "embedded"))
    file = tmp_path_factory.mktemp("cloud") / "credentials"
    with CloudProcess.start(plan, credentials=file) as started:
        yield started


@pytest.fixture(scope="module")
def client(
    cloud: CloudProcess, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Clients of the account's administrator, where the whole example is applied."""
    folder = tmp_path_factory.mktemp("example")
    target = EmbeddedTarget(cloud)
    terraform = Terraform(
        toolchain,
        ROOT / "modules" / "operations-baseline" / "examples" / "complete",
        folder=folder / "work",
        data=folder / "data",
        environ=target.environ(OPERATIONS),
        label="example",
        one_provider=True,
    )
    terraform.init()
    terraform.apply({})
    assert terraform.plan({}).empty
    session = target.session(OPERATIONS)
    return lambda service: target.client(session, service, REGION)


def test_the_trail_is_on_and_sees_every_region(client: Any) -> None:
    cloudtrail = client("cloudtrail")
    (trail,) = cloudtrail.describe_trails()["trailList"]
    assert trail["IsMultiRegionTrail"]
    assert trail["LogFileValidationEnabled"]
    assert trail["IncludeGlobalServiceEvents"]
    assert cloudtrail.get_trail_status(Name=trail["TrailARN"])["IsLogging"]


def test_nobody_writes_to_the_trail_by_hand(client: Any) -> None:
    s3 = client("s3")
    bucket = f"bulkhead-example-trail-{OPERATIONS}-{REGION}"
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        s3.put_object(Bucket=bucket, Key="AWSLogs/x", Body=b"x")
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        s3.delete_object(Bucket=bucket, Key="AWSLogs/x")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_what_keeps_the_trail_is_missed_where_it_is_gone(cloud: CloudProcess, client: Any) -> None:
    """Weakened in a copy: by the statement of the bucket, and by who may end the recording."""
    bucket, key = f"bulkhead-example-trail-{OPERATIONS}-{REGION}", "AWSLogs/forged"
    document = json.loads(client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    kept = [each for each in document["Statement"] if each["Sid"] != "NobodyElseWrites"]
    assert len(kept) == len(document["Statement"]) - 1
    with cloud.fork() as copy:
        target = EmbeddedTarget(copy)
        session = target.session(OPERATIONS)
        s3, cloudtrail = (target.client(session, name, REGION) for name in ("s3", "cloudtrail"))
        policy = json.dumps({**document, "Statement": kept})
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        (trail,) = cloudtrail.describe_trails()["trailList"]
        cloudtrail.stop_logging(Name=trail["TrailARN"])
        assert not cloudtrail.get_trail_status(Name=trail["TrailARN"])["IsLogging"]


def test_assumptions_are_forwarded_by_a_role_that_can_do_nothing_else(client: Any) -> None:
    events, iam = client("events"), client("iam")
    (rule,) = events.list_rules()["Rules"]
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"].split(":")[4] == "999999999999"
    role = target["RoleArn"].rpartition("/")[2]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    (statement,) = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"][
        "Statement"
    ]
    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", target["Arn"])
    pattern = json.loads(rule["EventPattern"])
    assert pattern["detail"]["requestParameters"]["roleArn"] == [
        f"arn:aws:iam::{OPERATIONS}:role/bulkhead/bulkhead-break-glass"
    ]
