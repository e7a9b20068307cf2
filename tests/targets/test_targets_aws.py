"""Real accounts as a target, against an embedded cloud that is reached as AWS is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from support.real_accounts import Accounts, open_accounts

from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.cloud.process import CloudProcess
from harness.errors import UserError
from harness.probes.evidence import Outcome, Reason, ask
from harness.targets.aws import AwsTarget, profile_session
from harness.targets.base import SERVICE_PRINCIPALS
from harness.targets.changes import ChangeRefused, changes
from harness.targets.profiles import Access, find_profiles, read_profiles
from harness.targets.reach import reach

A, B, UNLISTED = "111111111111", "222222222222", "333333333333"
REGION = "eu-central-1"
OWNER = "role/owners/bulkhead-owner"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    plan = CloudPlan((A, B, UNLISTED), (OrganizationPlan(A, (B,)),), administrator=OWNER)
    file = tmp_path_factory.mktemp("cloud") / "credentials"
    with CloudProcess.start(plan, credentials=file) as process:
        yield process


@pytest.fixture
def accounts(
    cloud: CloudProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Accounts]:
    with open_accounts(cloud, tmp_path, monkeypatch) as accounts:
        yield accounts


@pytest.fixture
def access(accounts: Accounts, tmp_path: Path) -> Access:
    access = accounts.access({A: "operations", B: "acme"}, OWNER, tmp_path / "run")
    access.save()
    return access


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.targets.aws._PAUSE", 0.05)
    monkeypatch.setattr(AwsTarget, "patience", 2.0)


def test_each_account_is_reached_by_its_profile_at_its_own_endpoints(
    accounts: Accounts, access: Access
) -> None:
    target = AwsTarget(access)
    for account in (A, B):
        sts = target.client(target.session(account), "sts", REGION)
        assert sts.get_caller_identity()["Account"] == account
    assert target.endpoint_url is None
    assert accounts.front.hosts[f"sts.{REGION}.amazonaws.com"]


def test_it_is_reached_again_from_its_place(access: Access) -> None:
    made = reach(AwsTarget(access).place, changing=True)
    assert isinstance(made, AwsTarget)
    assert (made.access, made.changing) == (access, True)
    assert access.file.stat().st_mode & 0o077 == 0


def test_a_profile_of_another_account_is_refused(accounts: Accounts, tmp_path: Path) -> None:
    target = AwsTarget(accounts.access({A: "operations", B: "stranger"}, OWNER, tmp_path))
    with pytest.raises(UserError, match=f"profile stranger is of account {UNLISTED}, not of {B}"):
        target.session(B)
    assert target.session(A) is target.session(A)


def test_an_account_that_is_not_listed_has_no_session(access: Access) -> None:
    with pytest.raises(UserError, match=f"account {UNLISTED} is not one of"):
        AwsTarget(access).session(UNLISTED)


def test_nothing_of_the_environment_picks_credentials_or_endpoints(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "stranger")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    assert AwsTarget(access).session(A)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL_STS is set"):
        AwsTarget(access)


def test_without_changing_nothing_that_could_change_is_sent(access: Access) -> None:
    reading, changing = AwsTarget(access), AwsTarget(access, changing=True)
    iam = reading.client(reading.session(B), "iam", REGION)
    assert iam.list_roles()["Roles"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    with pytest.raises(ChangeRefused, match="iam CreateRole could change"):
        iam.create_role(RoleName="x", AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError):  # sent, and refused for what it says
        changing.client(changing.session(B), "iam", REGION).create_role(
            RoleName="x", AssumeRolePolicyDocument=trust
        )


@pytest.mark.parametrize(
    ("service", "operation", "change"),
    [
        ("iam", "GetRole", False),
        ("sts", "AssumeRole", False),
        ("bedrock-runtime", "Converse", False),
        ("logs", "FilterLogEvents", False),
        ("logs", "PutLogEvents", True),
        ("kms", "CreateGrant", True),
        ("lambda", "Invoke", True),
        ("bedrock-runtime", "StartAsyncInvoke", True),
        ("iam", "Getaway", True),
        ("some", "NewOperation", True),
    ],
)
def test_what_is_not_known_to_read_counts_as_a_change(
    service: str, operation: str, change: bool
) -> None:
    assert changes(service, operation) is change


def test_helper_roles_trust_the_owner(access: Access) -> None:
    target = AwsTarget(access, changing=True)
    iam = target.client(target.session(B), "iam", REGION)
    principal = target.helper_principal(B)
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName="helper",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        Tags=[{"Key": k, "Value": v} for k, v in target.labels.items()],
    )["Role"]["Arn"]
    session = target.helper_session(arn, region=REGION, session_name="probe")
    identity = target.client(session, "sts", REGION).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{B}:assumed-role/helper/probe"
    tags = iam.list_role_tags(RoleName="helper")["Tags"]
    assert {t["Key"]: t["Value"] for t in tags} == {
        "bulkhead:environment": "sandbox",
        "bulkhead:run": "r1",
    }


def test_a_caller_role_is_only_had_through_a_profile_of_it(
    accounts: Accounts, access: Access, tmp_path: Path
) -> None:
    target = AwsTarget(access, changing=True)
    iam = target.client(target.session(B), "iam", REGION)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    names = ("caller", "other")
    caller, other = (
        iam.create_role(RoleName=n, Path="/bulkhead/", AssumeRolePolicyDocument=document)["Role"]
        for n in names
    )
    with pytest.raises(UserError, match=f"name a profile caller@{B} that has its credentials"):
        target.caller_session(caller["Arn"], "lambda", region=REGION)
    accounts.role(f"caller@{B}", caller["Arn"], f"{SERVICE_PRINCIPALS['lambda']}@{B}")
    target = AwsTarget(accounts.access({B: "acme"}, OWNER, tmp_path), changing=True)
    session = target.caller_session(caller["Arn"], "lambda", region=REGION)
    arn = target.client(session, "sts", REGION).get_caller_identity()["Arn"]
    assert f"assumed-role/{caller['RoleName']}/" in arn
    with pytest.raises(UserError, match="not a session of"):
        target.caller_session(other["Arn"], "lambda", region=REGION)


def test_terraform_gets_profiles_without_secrets(access: Access, accounts: Accounts) -> None:
    environ = AwsTarget(access, changing=True).environ(A)
    assert not [name for name in environ if name.startswith("AWS_ENDPOINT_URL")]
    assert environ["TF_AWS_DEFAULT_TAGS_bulkhead:run"] == "r1"
    config = Path(environ["AWS_CONFIG_FILE"])
    written = config.read_text(encoding="utf-8") + access.file.read_text(encoding="utf-8")
    assert not [secret for secret in accounts.secrets if secret in written]
    session = profile_session(
        Access(**{**vars_of(access), "config": str(config), "credentials": os.devnull}), A
    )
    assert session.client("sts", region_name=REGION).get_caller_identity()["Account"] == A


def vars_of(access: Access) -> dict[str, object]:
    return {name: getattr(access, name) for name in access.__dataclass_fields__}


def test_other_programs_get_credentials_of_listed_accounts_only(access: Access) -> None:
    def asked(account: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness.targets.credentials", str(access.file), account],
            capture_output=True,
            text=True,
        )

    given = asked(B)
    assert given.returncode == 0, given.stderr
    assert {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken"} <= set(
        json.loads(given.stdout)
    )
    refused = asked(UNLISTED)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"account {UNLISTED} is not one of sandbox" in refused.stderr


def test_profiles_are_found_by_account(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"""
[default]
region = eu-west-1
[profile ops]
sso_session = s
sso_account_id = {A}
[profile owner]
role_arn = arn:aws:iam::{B}:{OWNER}
source_profile = default
[profile reader]
role_arn = arn:aws:iam::{B}:role/reader
source_profile = default
[profile {UNLISTED}]
aws_access_key_id = x
aws_secret_access_key = s3cret
[profile caller@{A}]
role_arn = arn:aws:iam::{A}:role/bulkhead/bulkhead-caller
[sso-session s]
sso_region = eu-west-1
""",
        encoding="utf-8",
    )
    profiles = read_profiles(config, tmp_path / "none")
    assert "s3cret" not in str(profiles)
    assert find_profiles((A, B, UNLISTED), profiles, {}, OWNER) == (
        {A: "ops", B: "owner", UNLISTED: UNLISTED},
        [],
    )
    found, wrong = find_profiles(("999999999999", B, A), profiles, {A: "none"}, "role/else")
    assert found == {}
    assert [line.partition(":")[0] for line in wrong] == ["999999999999", B, A]
    assert "owner, reader are all of it" in wrong[1]
    assert "there is no profile none" in wrong[2]
    assert find_profiles((B,), profiles, {B: "reader"}, OWNER)[0] == {B: "reader"}


def throttle(client: Any, times: int, sent: list[int]) -> None:
    """Has the first `times` requests of a client answered as a service that is too busy does."""

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        sent.append(1)
        if len(sent) > times:
            return None
        body = (
            b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message>"
            b"</Error></ErrorResponse>"
        )
        raw = SimpleNamespace(stream=lambda *_, **__: iter([body]))
        return AWSResponse(request.url, 429, {}, raw)

    client.meta.events.register_first("before-send", answer)


def test_a_service_that_is_too_busy_is_asked_again_and_at_last_said_to_be(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    target = AwsTarget(access)
    sent: list[int] = []
    client = target.client(target.session(A), "iam", REGION)
    throttle(client, 2, sent)
    assert client.list_roles()["Roles"]
    assert len(sent) == 3
    sent.clear()
    never = target.client(target.session(A), "iam", "eu-west-1")
    throttle(never, 1000, sent)
    answer = ask(never.list_roles)
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, Reason.THROTTLED)
    assert len(sent) == 8


def test_a_role_that_is_not_seen_yet_is_waited_for_up_to_a_deadline(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = AwsTarget(access)
    sts = target.client(target.session(B), "sts", REGION)
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "AssumeRole")
    credentials = {"AccessKeyId": "ASIAX", "SecretAccessKey": "x", "SessionToken": "x"}
    answers: list[Any] = [denied, denied, {"Credentials": credentials}]

    def assume(**_: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(sts, "assume_role", assume)
    found = target.deployer_session("deploy", B, region=REGION).get_credentials()
    assert found is not None
    assert found.access_key == "ASIAX"
    assert answers == []
    monkeypatch.setattr(target, "patience", 0.1)
    answers += [denied] * 100
    with pytest.raises(ClientError):
        target.deployer_session("deploy", B, region=REGION)
    assert len(answers) > 90
    answers[:] = [ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "AssumeRole")]
    with pytest.raises(ClientError):
        target.deployer_session("deploy", B, region=REGION)


def test_credentials_that_are_not_accepted_are_said_to_be(
    accounts: Accounts, access: Access
) -> None:
    accounts.keys["operations"]["aws_session_token"] = "another"
    with accounts.credentials.open("w", encoding="utf-8") as file:
        accounts.keys.write(file)
    with pytest.raises(UserError, match="profile operations: AWS answers InvalidClientTokenId"):
        AwsTarget(access).session(A)
