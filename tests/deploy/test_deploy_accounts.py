"""Real accounts from preflight to sweep: Terraform and boto3 as they are, against an embedded cloud
that is reached as AWS is."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.deployed_accounts import Day, copy_of, made_by_fields, opened, ours, rewrite
from support.real_accounts import CI, EXAMPLE, OTHER, Accounts, sandbox
from support.tokens import Issuer

from bulkhead.ownership import signed
from harness.cli import accounts as cli
from harness.cli import environments, start
from harness.cloud.process import CloudProcess
from harness.deploy.deployment import Deployment
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment
from harness.deploy.live import live_sessions, may_assume
from harness.deploy.run import RootEvent
from harness.report.summary import summarize
from harness.targets.aws import AwsTarget, profile_session
from harness.targets.profiles import Access

ROOT = Path(__file__).parents[2]
GITHUB = "https://token.actions.githubusercontent.com"
ISSUER = Issuer()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return sandbox(tmp_path_factory.mktemp("sandbox"), second=False, more=CI)


@pytest.fixture(scope="module")
def started(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudProcess]:
    """A cloud in which nothing was deployed; to be forked."""
    with CloudProcess.start(
        dataclasses.replace(cloud_plan(environment), issuers={GITHUB: ISSUER.keys}),
        credentials=tmp_path_factory.mktemp("cloud") / "keys",
    ) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def made(
    environment: Environment, started: CloudProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[CloudProcess, Path]]:
    """A cloud in which the environment was deployed by `bulkhead apply --target aws`, and the
    folder with its states."""
    folder = tmp_path_factory.mktemp("made")
    with (
        pytest.MonkeyPatch.context() as patch,
        started.fork() as cloud,
        opened(environment, cloud, folder, patch),
    ):
        assert start(["apply", str(environment.path), "--target", "aws", "--yes"]) == 0
        yield cloud, folder


@pytest.fixture
def copied(
    environment: Environment,
    made: tuple[CloudProcess, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Accounts, Path]]:
    """A copy of the cloud and of the run."""
    with copy_of(environment, made, tmp_path, monkeypatch) as (_, accounts, run):
        yield accounts, run


@pytest.fixture
def day(
    environment: Environment,
    made: tuple[CloudProcess, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Day]:
    """A copy of the cloud, of the run, and of the list, to be edited."""
    path = tmp_path / "mine" / "environments" / "sandbox"
    shutil.copytree(environment.path, path)
    (tmp_path / "mine" / "modules").symlink_to(ROOT / "modules")
    with copy_of(environment, made, tmp_path, monkeypatch) as (cloud, accounts, run):
        rewrite(run / "deployment.json", {"environment": str(path)})
        yield Day(path, run, accounts, cloud, capsys)


def test_what_is_made_carries_prefix_and_tags_and_no_endpoint_was_named(
    copied: tuple[Accounts, Path], environment: Environment
) -> None:
    accounts, run = copied
    target = AwsTarget(Access.load(run / "access.json"))
    iam = target.client(target.session(environment.operations_account), "iam", "us-east-1")
    tags = {t["Key"]: t["Value"] for t in iam.list_role_tags(RoleName="bulkhead-example")["Tags"]}
    assert tags["bulkhead:environment"] == "sandbox"
    assert tags["bulkhead:run"] == target.access.run
    found = ours(environment, run)
    # By nature without tags; all else can be removed.
    assert {kind for kind, names in found.items() if any(not n.endswith(" ") for n in names)} == {
        "dashboard"
    }
    assert {"role", "policy", "key", "log group", "parameter", "inference profile"} <= set(found)
    assert not accounts.front.refused


def test_probes_change_nothing_unasked_and_what_would_is_left_out(
    copied: tuple[Accounts, Path], environment: Environment
) -> None:
    _, run = copied
    before = ours(environment, run)
    results = run / "probed.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider"),
            *("tests/security/test_trust.py", "tests/security/test_sharing.py"),
            *("--environment", str(environment.path), "--results", str(results)),
            *("--deployment", str(run / "deployment.json")),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    data = json.loads(results.read_text(encoding="utf-8"))
    outcomes: dict[str, set[str]] = {}
    for test in data["tests"]:
        name = test["id"].partition("::")[2].partition("[")[0]
        outcomes.setdefault(test["outcome"], set()).add(name)
    assert set(outcomes) == {"passed", "left out"}
    assert {"test_caller_assumes_its_own_fleet_role", "test_external_id_is_required"} <= outcomes[
        "passed"
    ]
    assert {"test_outsider_cannot_assume_a_fleet_role", "test_a_link_cannot_be_made"} <= outcomes[
        "left out"
    ]
    assert data["target"] == "aws"
    assert all(result["decision"] is None for result in data["results"])
    summary = summarize(data)
    assert summary.holds
    assert summary.left_out
    assert ours(environment, run) == before


@pytest.fixture
def night(
    copied: tuple[Accounts, Path],
    environment: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., int]:
    """Audits as a job of CI does: on a machine that knows what was deployed and has a token."""
    deployed, token = tmp_path / "deployed.json", tmp_path / "token"
    assert start(["deployed", str(environment.path), "--out", str(deployed)]) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(cli, "run_folder", lambda _environment: elsewhere)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def audit(*options: str, job: str = "sandbox-audit", by_token: bool = True) -> int:
        subject = f"repo:acme/live:environment:{job}"
        token.write_text(ISSUER.token(iss=GITHUB, sub=subject), encoding="ascii")
        always = ["--target", "aws", "--no-probes", "--deployed", str(deployed)]
        by = ["--token", str(token)] if by_token else []
        return start(["audit", str(environment.path), *always, *by, *options])

    return audit


def test_ci_audits_by_a_token_and_no_external_id_is_there(
    night: Callable[..., int],
    copied: tuple[Accounts, Path],
    environment: Environment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, run = copied
    (secret,) = Deployment.load(run / "deployment.json").external_ids.values()
    snapshot, key = tmp_path / "snapshot.json", tmp_path / "key"
    capsys.readouterr()
    assert night("--json", "--key", str(key), "--out", str(snapshot)) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["holds"], told["findings"]) == (True, [])
    assert {each["standing"] for each in told["settings"]} == {"as wanted"}
    # Nobody has given a role in the accounts that play attackers; the control is in the
    # organization, and is not asked.
    probes = environment.probes
    assert {
        each["subject"] for each in told["notes"] if each["what"].endswith("NoCredentials")
    } == {f"organization of {a}" for a in (probes.other_organization, probes.no_organization)}
    texts = [said.out, said.err, snapshot.read_text("utf-8")]
    texts.append((tmp_path / "deployed.json").read_text("utf-8"))
    assert not [text for text in texts if secret in text]
    assert "hidden-" in texts[2]

    owner = AwsTarget(Access.load(run / "access.json"), changing=True)
    iam = owner.client(owner.session(EXAMPLE), "iam", "us-east-1")
    # What is measured, and shown as a policy, is what Terraform gives.
    given = iam.get_role_policy(RoleName="bulkhead-audit", PolicyName="read")["PolicyDocument"]
    assert given == json.loads((ROOT / "docs/policies/audit-customer.json").read_text("utf-8"))
    everything = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName="bulkhead-caller", PolicyArn=everything)
    assert night("--json", "--key", str(key), "--since", str(snapshot)) == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["what"] for each in told["findings"]] == [f"{everything} is attached to it"]
    assert told["since"]["equal"] is False


def test_an_audit_that_lacks_an_account_says_so_before_it_reads(
    night: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert night(by_token=False) == 2
    assert f"{EXAMPLE}: no profile is of it" in capsys.readouterr().err
    # Jobs that plan may not audit, and the other way round.
    assert night(job="sandbox-plan") == 2
    said = capsys.readouterr()
    assert said.err.count("AWS answers AccessDenied") == 3
    assert "Reading" not in said.err


def test_what_is_deployed_is_snapped_and_planned_from_the_machine_that_did(
    copied: tuple[Accounts, Path],
    environment: Environment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, run = copied
    path = str(environment.path)
    before = ours(environment, run)
    capsys.readouterr()
    where = ["--out", str(tmp_path / "s.json"), "--key", str(tmp_path / "key")]
    assert start(["snapshot", path, "--target", "aws", *where]) == 0
    assert start(["diff", str(tmp_path / "s.json"), str(tmp_path / "s.json")]) == 0
    capsys.readouterr()
    assert start(["drift", path, "--target", "aws", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {root["state"] for root in told["roots"]} == {"same"}
    assert len(told["roots"]) == 6
    assert ours(environment, run) == before


def test_destroy_goes_by_the_states_alone_and_leaves_nothing(
    copied: tuple[Accounts, Path], environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = copied
    # As after an apply that was interrupted before it could tell what it made.
    (run / "deployment.json").unlink()
    assert start(["destroy", str(environment.path), "--target", "aws", "--yes"]) == 0
    assert "sandbox is destroyed" in capsys.readouterr().out
    assert ours(environment, run) == {}
    assert start(["destroy", str(environment.path), "--target", "aws", "--yes"]) == 0
    assert "nothing is to be destroyed" in capsys.readouterr().out


def test_a_sweep_removes_what_lost_states_left_and_nothing_else(
    copied: tuple[Accounts, Path], environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = copied
    path = str(environment.path)
    assert start(["sweep", path]) == 2
    assert "still hold bootstrap" in capsys.readouterr().err
    shutil.rmtree(run / "state")
    target = AwsTarget(Access.load(run / "access.json"), changing=True)
    iam = target.client(target.session(EXAMPLE), "iam", "us-east-1")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            },
        }
    )

    def role(name: str, **tags: str) -> None:
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=trust,
            Tags=[{"Key": k.replace("_", ":"), "Value": v} for k, v in tags.items()],
        )

    role("bulkhead-untagged")
    role("bulkhead-applied-by-ci", bulkhead_environment="sandbox")
    role("bulkhead-of-another", bulkhead_environment="production")
    role("somebodys", bulkhead_environment="sandbox")
    role("bulkhead-probe-killed", bulkhead_environment="sandbox", bulkhead_run="deaddead")
    made_by_fields(environment, target)
    # As an apply leaves them that is killed before it names them; and one of nobody's concern.
    kms = target.client(target.session(EXAMPLE), "kms", environment.region)
    killed, foreign = (
        kms.create_key(Tags=[{"TagKey": k, "TagValue": v} for k, v in tags.items()])["KeyMetadata"]
        for tags in (target.labels | {"bulkhead:run": "deaddead"}, {"owner": "somebody"})
    )
    before = ours(environment, run)

    assert start(["sweep", path]) == 1
    listed = capsys.readouterr().out
    assert f"to remove: {EXAMPLE}: role bulkhead-probe-killed of run deaddead" in listed
    assert f"eu-central-1: key {killed['KeyId']} of run deaddead" in listed
    assert foreign["KeyId"] not in listed
    assert f"left to you: {EXAMPLE}: role bulkhead-untagged (it has no tag" in listed
    assert f"left to you: {EXAMPLE}: role bulkhead-applied-by-ci (it has no tag" in listed
    for kind in ("topic", "event bus", "budget", "identity provider"):
        assert re.search(rf"to remove: .*: {kind} \S+ of run deaddead", listed), kind
        assert re.search(rf"left to you: .*: {kind} \S+ \(it has no tag bulkhead:run\)", listed), (
            kind
        )
    assert "bulkhead-of-another" not in listed
    assert "somebodys" not in listed
    assert "--delete removes it" in listed
    assert ours(environment, run) == before

    assert start(["sweep", path, "--delete", "--yes"]) == 0
    kept = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert {"bulkhead-untagged", "bulkhead-of-another", "somebodys"} <= kept
    assert "bulkhead-applied-by-ci" in kept
    assert not {"bulkhead-probe-killed", "bulkhead-caller", "bulkhead-deploy"} & kept
    states = {
        each["KeyId"]: kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"]
        for each in (killed, foreign)
    }
    assert states == {killed["KeyId"]: "PendingDeletion", foreign["KeyId"]: "Enabled"}
    left = ours(environment, run)
    untouched = {"topic", "event bus", "budget", "identity provider"}
    assert {kind for kind in left if kind not in ("role", "dashboard")} == untouched
    assert all("it has no tag" in name for kind in untouched for name in left[kind])
    assert {name.split(" ")[1] for name in left["role"]} == {
        "bulkhead-untagged",
        "bulkhead-applied-by-ci",
    }


def test_a_sweep_of_one_run_leaves_the_one_that_is_deployed(
    copied: tuple[Accounts, Path], environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = copied
    path, target = str(environment.path), AwsTarget(Access.load(run / "access.json"), changing=True)
    made_by_fields(environment, target)
    before, own = ours(environment, run), target.access.run
    assert start(["sweep", path, "--run", own]) == 2
    assert "still hold bootstrap" in capsys.readouterr().err
    assert start(["sweep", path, "--run", "deaf"]) == 2
    assert "'deaf' is no run: 8 hexadecimal digits are wanted" in capsys.readouterr().err
    assert start(["sweep", path, "--run", "0000beef"]) == 0
    said = capsys.readouterr().out
    assert "Nothing of run 0000beef is left." in said
    assert f"Of other runs something is there: {', '.join(sorted([own, 'deaddead']))}." in said

    assert start(["sweep", path, "--run", "deaddead"]) == 1
    listed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("to remove")]
    assert len(listed) == 4 and all(line.endswith(" of run deaddead") for line in listed)
    assert start(["sweep", path, "--run", "deaddead", "--delete", "--yes"]) == 0
    after = ours(environment, run)
    gone = {kind: names - after.get(kind, set()) for kind, names in before.items()}
    assert {kind: len(names) for kind, names in gone.items() if names} == dict.fromkeys(
        ("topic", "event bus", "budget", "identity provider"), 1
    )
    assert all("dead" in name for names in gone.values() for name in names)


def test_a_customer_is_proved_and_let_in_and_leaves_again(
    day: Day, environment: Environment
) -> None:
    before, everything = day.text, ours(environment, day.run_dir)
    options = ["--account", f"{OTHER}:lambda", "--model", "amazon.nova-lite-v1:0"]
    add = ["customer", "add", "other", *options, "--verify", "none"]
    # Nobody has a profile of it, or one that is of another account.
    code, said = day.run(*add, "--without-proof")
    assert code == 2 and f"{OTHER} (other): {OTHER}: no profile is of it" not in said
    assert f"{OTHER} (other): no profile is of it; name one {OTHER}" in said
    assert "nothing was changed" in said
    day.open_account(OTHER)
    wrong = f"{OTHER}={EXAMPLE}"
    code, said = day.run(*add, "--without-proof", "--profile", wrong)
    assert code == 2 and f"profile {EXAMPLE} is of account {EXAMPLE}, not of {OTHER}" in said
    code, said = day.run(*add)
    assert code == 2 and f"`bulkhead customer challenge sandbox other {OTHER} --target aws`" in said

    code, said = day.run("customer", "challenge", "other", OTHER, yes=False)
    assert code == 0, said
    (words,) = [line.split() for line in said.splitlines() if line.startswith("python -m")]
    url = signed(words[3], words[5], profile_session(day.access, OTHER))
    assert url.startswith("https://sts.eu-central-1.amazonaws.com/?")
    (day.run_dir / "proof").write_text(url, encoding="utf-8")
    proof = ["--proof", f"{OTHER}={day.run_dir / 'proof'}"]
    known = (day.run_dir / "access.json").read_text("utf-8")
    code, said = day.run(*add, *proof, "--dry-run")
    assert code == 0, said
    assert f"Account {OTHER} is proved, by arn:aws:" in said
    assert f"profile {OTHER} is " in said and "operations: 5 to create" in said
    assert f"bootstrap {OTHER}: " in said
    assert day.text == before and (day.run_dir / "access.json").read_text("utf-8") == known
    assert ours(environment, day.run_dir) == everything

    code, said = day.run(*add, *proof)
    assert code == 0, said
    made = day.made
    assert [each.refusal() for each in live_sessions(made, "other")[0]] == [""]
    assert set(made.accounts) == {EXAMPLE, OTHER}
    tags = made.target().labels
    assert tags["bulkhead:run"] == json.loads(known)["run"], "the run is another"
    assert not day.accounts.front.refused

    code, said = day.run("customer", "offboard", "other", "--verify", "none")
    assert code == 0, said
    assert "other is denied; 1 live session of it tried to call, and could not." in said
    assert ours(environment, day.run_dir) == everything
    assert set(day.made.accounts) == {EXAMPLE} and "former_customers" in day.text


def test_a_customer_is_stopped_whatever_other_accounts_answer(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = day.text
    ((session,), _) = live_sessions(day.made, "example")
    monkeypatch.setattr("click.prompt", lambda *_, **__: "y")
    code, said = day.run("customer", "stop", "example", yes=False)
    assert code == 2 and "nothing was changed" in said
    assert "operations: " in said and (day.text, session.refusal()) == (before, "")

    with day.without(day.made.environment.management_account):
        # It is denied all the same; what needs the account comes later.
        code, said = day.run("customer", "stop", "example")
        assert code == 2, said
        assert "example is denied; 1 live session of it tried to call, and could not." in said
    assert "explicit deny" in session.refusal()
    code, said = day.run("customer", "resume", "example", "--verify", "none")
    assert code == 0, said
    assert (day.text, session.refusal()) == (before, "")


def kept_id(made: Deployment, account: str) -> str:
    """The external id that an account's application reads."""
    target = made.target()
    ssm = target.client(target.session(account), "ssm", made.environment.region)
    name = "/bulkhead/example/external-id"
    value: str = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    return value


def test_an_external_id_is_replaced_however_often_somebody_interrupts(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the trust has both ids and before the customer has the new one, which it is then given
    before the old one is taken out; and while that is."""
    rotate = ["customer", "rotate-external-id", "example", "--verify", "none"]

    def secret() -> str:
        ids = json.loads((day.run_dir / "external-ids.json").read_text("utf-8"))
        return str(ids["example"])

    def let_in(external_id: str) -> bool:
        return may_assume(day.made, "example", EXAMPLE, external_id) is not None

    def interrupt(state: str, *options: str, nth: int = 1) -> None:
        """Runs the command to that state of operations, the nth time that these are applied."""
        done: list[RootEvent] = []

        class Interrupting(environments.RootProgress):
            def __call__(self, event: RootEvent) -> None:
                super().__call__(event)
                if event.root == "operations" and event.state == "done":
                    done.append(event)
                begun = nth - 1 if state == "running" else nth
                if (event.root, event.state, len(done)) == ("operations", state, begun):
                    raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(environments, "RootProgress", Interrupting)
            code, said = day.run(*rotate, *options)
        assert code == 130 and old not in said, said

    before, old = day.text, secret()
    known = (day.run_dir / "access.json").read_text("utf-8")
    code, said = day.run(*rotate, "--dry-run")
    assert code == 0 and 'update module.fleet.aws_iam_role.fleet["example"]' in said
    assert (secret(), (day.run_dir / "access.json").read_text("utf-8")) == (old, known)

    interrupt("done", "--grace", "1")
    new = secret()
    assert new != old == kept_id(day.made, EXAMPLE), "the customer has the new one already"
    assert let_in(old) and let_in(new), "the application, which has the old one, is locked out"
    assert not let_in(old[::-1])
    interrupt("running", "--end", nth=2)
    assert secret() == new == kept_id(day.made, EXAMPLE)
    assert let_in(old) and let_in(new)
    code, said = day.run(*rotate, "--end")
    assert code == 0 and "is taken no more" in said and old not in said, said
    assert not let_in(old) and let_in(new)
    assert [each.refusal() for each in live_sessions(day.made, "example")[0]] == [""]
    code, said = day.run(*rotate, "--end")
    assert code == 0 and "No external id of example is being replaced." in said
    assert day.text == before
    assert not day.accounts.front.refused


def test_a_refused_preflight_changes_nothing(
    copied: tuple[Accounts, Path], environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = copied
    before = ours(environment, run)
    path = str(environment.path)
    other = environment.probes.control
    wrong = f"{EXAMPLE}={other}"
    assert start(["apply", path, "--target", "aws", "--yes", "--profile", wrong]) == 1
    said = capsys.readouterr().out
    assert f"profile {other} is of account {other}, not of {EXAMPLE}" in said.replace("\n", " ")
    assert "Nothing was changed" in said
    stranger = "999999999990=anybody"
    assert start(["apply", path, "--target", "aws", "--yes", "--profile", stranger]) == 2
    assert "lists no account 999999999990" in capsys.readouterr().err
    assert ours(environment, run) == before


def test_nothing_is_done_that_nobody_confirmed(
    copied: tuple[Accounts, Path],
    environment: Environment,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, run = copied
    before = ours(environment, run)
    for typed in ("", "y", "production"):
        monkeypatch.setattr("click.prompt", lambda *_, typed=typed, **__: typed)
        assert start(["destroy", str(environment.path), "--target", "aws"]) == 2
        assert "nothing was changed" in capsys.readouterr().err
    assert ours(environment, run) == before


def test_a_demo_that_is_interrupted_cleans_up_after_itself(
    environment: Environment,
    started: CloudProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Interrupting(cli.RootProgress):
        def __call__(self, event: RootEvent) -> None:
            super().__call__(event)
            if event.root == "organization" and event.state == "done":
                raise KeyboardInterrupt

    with (
        started.fork() as cloud,
        opened(environment, cloud, tmp_path, monkeypatch),
    ):
        monkeypatch.setattr(cli, "RootProgress", Interrupting)
        real = cli._undo

        def undo(*given: Any) -> None:
            assert cli.held(environment, tmp_path / "run")
            monkeypatch.setattr(cli, "RootProgress", cli.RootProgress.__mro__[1])
            real(*given)

        monkeypatch.setattr(cli, "_undo", undo)
        assert start(["demo", str(environment.path), "--target", "aws", "--yes"]) == 130
        assert "sandbox is destroyed" in capsys.readouterr().out
        assert ours(environment, tmp_path / "run") == {}
