"""What the owner of an account needs for the jobs of real accounts: enough, and nothing too many.

Each job is done in a copy of a cloud by an owner who has what docs/owner.yaml lists for it
and no other right. It must come to its end, and must have asked for every right of the list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.owners import OWNER, Owners, rights
from support.real_accounts import EXAMPLE, open_accounts, sandbox

from harness.cli import accounts, start
from harness.cloud.process import CloudProcess
from harness.deploy.baseline import COST_TAGS, read_baseline, set_baseline
from harness.deploy.environment import Environment
from harness.deploy.preflight import preflight
from harness.deploy.sweep import find, remove
from harness.deploy.sweep_kinds import KINDS
from harness.errors import UserError
from harness.targets.aws import AwsTarget

TAGS = {"bulkhead:environment": "sandbox", "bulkhead:run": "deaddead"}
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return sandbox(tmp_path_factory.mktemp("sandbox"), second=False)


@pytest.fixture
def lab(
    environment: Environment,
    started: CloudProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Owners]:
    monkeypatch.setattr(AwsTarget, "patience", 0.0)
    with started.fork() as cloud, open_accounts(cloud, tmp_path, monkeypatch, {}) as opened:
        own = {account: account for account in environment.accounts}
        access = opened.access(own, environment.administrator, tmp_path / "run")
        yield Owners(environment, cloud, opened.keys, AwsTarget(access, changing=True))


def test_a_preflight_needs_what_is_listed(lab: Owners) -> None:
    lab.give("preflight")
    assert preflight(lab.environment, lab.target).problems == []
    assert lab.needless("preflight") == {}
    for action in {each for several in rights("preflight").values() for each in several}:
        lab.give("preflight", without=action)
        assert preflight(lab.environment, lab.target).problems, f"{action} is not needed"


def test_settings_need_what_is_listed(lab: Owners) -> None:
    operations = lab.environment.operations_account

    def begin() -> None:
        for region in lab.environment.regions:
            bedrock = lab.everything("bedrock", operations, region)
            bedrock.put_account_data_retention(mode="inherit")
        tags = [{"TagKey": key, "Status": "Inactive"} for key in COST_TAGS]
        billing = lab.everything("ce", lab.environment.management_account, "us-east-1")
        billing.update_cost_allocation_tags_status(CostAllocationTagsStatus=tags)

    lab.everything("bedrock", operations).create_inference_profile(
        inferenceProfileName="one",
        modelSource={
            "copyFrom": "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
        },
        tags=[{"key": key, "value": "x"} for key in COST_TAGS],
    )
    begin()
    lab.give("baseline")
    made = set_baseline(lab.environment, lab.target)
    assert {each.standing for each in made} == {"as wanted", "changed"}
    assert {each.what for each in made if each.standing == "changed"} == {
        "data retention",
        "cost allocation tag",
    }
    assert lab.needless("baseline") == {}
    for action in {each for several in rights("baseline").values() for each in several}:
        begin()
        lab.give("baseline", without=action)
        with pytest.raises(UserError, match="AccessDenied"):
            set_baseline(lab.environment, lab.target)
    lab.give("baseline")
    assert read_baseline(lab.environment, lab.target)


def test_settings_are_shown_and_set_when_somebody_says_so(
    lab: Owners, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lab.target.access.file.parent
    monkeypatch.setattr(accounts, "run_folder", lambda _environment: folder)

    def run(*options: str) -> tuple[int, str]:
        capsys.readouterr()
        code = start(["baseline", str(lab.environment.path), "--target", "aws", *options])
        return code, "".join(capsys.readouterr())

    code, said = run()
    assert code == 2 and "sandbox is not deployed in its accounts; run `bulkhead apply" in said
    lab.target.access.save()
    (folder / "deployment.json").touch()
    account = lab.environment.operations_account
    bedrock = lab.everything("bedrock", account, "eu-west-1")
    for region in lab.environment.regions:
        lab.everything("bedrock", account, region).put_account_data_retention(mode="none")
    bedrock.put_account_data_retention(mode="inherit")
    code, said = run()
    assert code == 1 and "1 to change: run it again with --set" in said
    assert f"profile {account} is assumed-role/{OWNER}" in said
    monkeypatch.setattr("click.prompt", lambda *_, **__: "no")
    code, said = run("--set")
    assert code == 2 and f"to set: data retention of {account} eu-west-1 to none" in said
    assert bedrock.get_account_data_retention()["mode"] == "inherit"
    # Billing knows no tag before there is a profile with it, so that something is left.
    code, said = run("--set", "--yes")
    assert code == 1 and "changed" in said
    assert bedrock.get_account_data_retention()["mode"] == "none"
    lab.give("preflight")
    code, said = run()
    assert code == 2 and "data retention of" in said and "AccessDeniedException" in said


def test_what_cannot_be_listed_is_told_by_kind_and_account(lab: Owners) -> None:
    # One of the first that are listed: what comes after it takes long and shows nothing more.
    lab.give("sweep", without="bedrock:ListInferenceProfiles")
    told = r"\d{12} .*: kind inference profile cannot be listed: ListInferenceProfiles"
    with pytest.raises(UserError, match=told):
        find(lab.environment, lab.target)


def furnish(lab: Owners) -> None:
    """One of each thing that a sweep knows, with all that may hang on it."""
    management = lab.environment.management_account

    def client(service: str, account: str = EXAMPLE) -> Any:
        return lab.everything(service, account)

    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            },
        }
    )
    nothing = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
        }
    )
    organizations = client("organizations", management)
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        content = json.loads(nothing)
        if kind.startswith("RESOURCE"):
            content["Statement"]["Principal"] = "*"
        made = organizations.create_policy(
            Name=f"bulkhead-{kind.lower()[:8]}",
            Description="x",
            Type=kind,
            Content=json.dumps(content),
            Tags=PAIRS,
        )
        identifier = made["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=identifier, TargetId=EXAMPLE)
    client("bedrock").create_inference_profile(
        inferenceProfileName="bulkhead-x",
        modelSource={
            "copyFrom": "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
        },
        tags=[{"key": key, "value": value} for key, value in TAGS.items()],
    )
    cloudwatch = client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="bulkhead-x",
        Namespace="x",
        MetricName="x",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
        Tags=PAIRS,
    )
    events = client("events")
    events.create_event_bus(Name="bulkhead-x", Tags=PAIRS)
    topic = client("sns").create_topic(Name="bulkhead-x", Tags=PAIRS)["TopicArn"]
    # Not named alike: the inner app would take the tags of one for the other's.
    events.put_rule(Name="bulkhead-rule", EventPattern='{"source": ["x"]}', Tags=PAIRS)
    events.put_rule(Name="glass", EventBusName="bulkhead-x", EventPattern='{"source": ["x"]}')
    for bus, rule in (("default", "bulkhead-rule"), ("bulkhead-x", "glass")):
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "x", "Arn": topic}])
    budget = {
        "BudgetName": "bulkhead-x",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "1", "Unit": "USD"},
    }
    iam = client("iam")
    role = iam.create_role(RoleName="bulkhead-x", AssumeRolePolicyDocument=trust, Tags=PAIRS)[
        "Role"
    ]["Arn"]
    policy = iam.create_policy(PolicyName="bulkhead-x", PolicyDocument=nothing, Tags=PAIRS)
    policy_arn = policy["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy_arn, PolicyDocument=nothing)
    iam.attach_role_policy(RoleName="bulkhead-x", PolicyArn=policy_arn)
    iam.put_role_policy(RoleName="bulkhead-x", PolicyName="x", PolicyDocument=nothing)
    # One that is not ours, which the role is in; the embedded cloud tells no tags of these.
    iam.create_instance_profile(InstanceProfileName="theirs")
    iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName="bulkhead-x")
    iam.create_user(UserName="bulkhead-x", Tags=PAIRS)
    iam.create_access_key(UserName="bulkhead-x")
    iam.attach_user_policy(UserName="bulkhead-x", PolicyArn=policy_arn)
    iam.put_user_policy(UserName="bulkhead-x", PolicyName="x", PolicyDocument=nothing)
    iam.create_open_id_connect_provider(
        Url="https://x.example.com", ClientIDList=["sts.amazonaws.com"], Tags=PAIRS
    )
    client("budgets").create_budget(AccountId=EXAMPLE, Budget=budget, ResourceTags=PAIRS)
    client("budgets").create_budget_action(
        AccountId=EXAMPLE,
        BudgetName="bulkhead-x",
        NotificationType="ACTUAL",
        ActionType="APPLY_IAM_POLICY",
        ActionThreshold={"ActionThresholdValue": 90, "ActionThresholdType": "PERCENTAGE"},
        Definition={"IamActionDefinition": {"PolicyArn": policy_arn, "Roles": ["bulkhead-x"]}},
        ExecutionRoleArn=role,
        ApprovalModel="AUTOMATIC",
        Subscribers=[{"SubscriptionType": "EMAIL", "Address": "a@example.com"}],
    )
    definition = {"StartAt": "x", "States": {"x": {"Type": "Pass", "End": True}}}
    client("stepfunctions").create_state_machine(
        name="bulkhead-x",
        definition=json.dumps(definition),
        roleArn=role,
        tags=[{"key": key, "value": value} for key, value in TAGS.items()],
    )
    client("ssm").put_parameter(Name="/bulkhead/x", Value="x", Type="String", Tags=PAIRS)
    client("logs").create_log_group(logGroupName="/bulkhead/x", tags=TAGS)
    pairs = [{"TagKey": key, "TagValue": value} for key, value in TAGS.items()]
    key = client("kms").create_key(Tags=pairs)["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/bulkhead-x", TargetKeyId=key)
    client("s3").create_bucket(
        Bucket="bulkhead-x", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    service = {"Service": "cloudtrail.amazonaws.com"}
    arns = ["arn:aws:s3:::bulkhead-x", "arn:aws:s3:::bulkhead-x/*"]
    put = {"Effect": "Allow", "Principal": service, "Action": "s3:*", "Resource": arns}
    document = json.dumps({"Version": "2012-10-17", "Statement": [put]})
    client("s3").put_bucket_policy(Bucket="bulkhead-x", Policy=document)
    client("cloudtrail").create_trail(Name="bulkhead-x", S3BucketName="bulkhead-x", TagsList=PAIRS)


def test_a_sweep_needs_what_is_listed(lab: Owners) -> None:
    furnish(lab)
    lab.give("sweep")
    found = [each for each in find(lab.environment, lab.target) if each.name != OWNER]
    removable = {kind.name for kind in KINDS if kind.remove is not None} - {"instance profile"}
    assert {each.kind for each in found if each.removable} == removable
    for each, why in remove(found, lab.environment, lab.target):
        assert not why, f"{each}: {why}"
    left = find(lab.environment, lab.target)
    assert {each.kind for each in left if each.name != OWNER} == {"bucket"}
    assert lab.needless("sweep") == {}
