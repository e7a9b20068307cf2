"""What refuses a run on real accounts, before anything is changed there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from support.real_accounts import EXAMPLE, OTHER, Accounts, open_accounts, sandbox

from harness.cli import start
from harness.cloud.process import CloudProcess
from harness.deploy.environment import Environment
from harness.deploy.preflight import Preflight, preflight
from harness.targets.aws import AwsTarget


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return sandbox(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture
def accounts(
    started: CloudProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Accounts]:
    with started.fork() as cloud, open_accounts(cloud, tmp_path, monkeypatch, {}) as accounts:
        yield accounts


Look = Callable[..., Preflight]


@pytest.fixture
def look(accounts: Accounts, environment: Environment, tmp_path: Path) -> Look:
    def look(of: Environment = environment, **profiles: str) -> Preflight:
        own = {account: account for account in of.accounts}
        named = {account.removeprefix("of_"): name for account, name in profiles.items()}
        return preflight(
            of, AwsTarget(accounts.access(own | named, of.administrator, tmp_path / "run"))
        )

    return look


def test_every_account_shows_who_its_profile_is(
    look: Look, accounts: Accounts, environment: Environment
) -> None:
    found = look()
    assert found.good, found.problems
    assert [s.account for s in found.standings] == [
        environment.management_account,
        environment.operations_account,
        OTHER,
        EXAMPLE,
        *environment.probes.accounts,
    ]
    for standing in found.standings:
        assert standing.arn == (
            f"arn:aws:sts::{standing.account}:assumed-role/bulkhead-owner/administrator"
        )
    organizations = {s.owner: s.organization for s in found.standings}
    assert organizations["no organization"] == ""
    assert organizations["other organization"] not in ("", organizations["operations"])
    assert len({organizations[o] for o in ("operations", "organization", "other", "control")}) == 1
    assert {host.split(".")[0] for host in accounts.front.hosts} == {
        *("sts", "iam", "organizations", "ec2")
    }


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (EXAMPLE, f"profile {EXAMPLE} is of account {EXAMPLE}, not of {OTHER}"),
        (f"root@{OTHER}", "its profile is the root user"),
        ("nobody", "no profile nobody"),
    ],
)
def test_a_profile_that_is_not_the_owners_is_refused(look: Look, profile: str, said: str) -> None:
    found = look(**{f"of_{OTHER}": profile})
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"{OTHER} (other): ")
    assert said in found.problems[0]


def test_somebody_of_the_account_who_does_not_own_it_is_refused(
    look: Look, environment: Environment
) -> None:
    found = look(dataclasses.replace(environment, administrator="role/somebody-else"))
    assert len(found.problems) == len(environment.accounts)
    assert "customers.yaml says that role/somebody-else owns the account" in found.problems[0]


def test_accounts_in_other_organizations_than_they_should_be_are_refused(
    look: Look, environment: Environment
) -> None:
    probes = environment.probes
    swapped = dataclasses.replace(
        probes, no_organization=probes.control, control=probes.no_organization
    )
    found = look(dataclasses.replace(environment, probes=swapped))
    assert [p.partition(": ")[2].partition(" o-")[0] for p in found.problems] == [
        "it must be in no organization, and is in",
        "it is in organization none, not in",
    ]
    swapped = dataclasses.replace(
        probes, other_organization=probes.control, control=probes.other_organization
    )
    found = look(dataclasses.replace(environment, probes=swapped))
    assert len(found.problems) == 2
    assert "must be in another organization" in found.problems[0]


def test_an_account_that_manages_nothing_is_no_management_account(
    look: Look, environment: Environment
) -> None:
    changed = dataclasses.replace(environment, management_account=OTHER, customers={})
    found = look(changed)
    assert "it does not manage an organization" in found.problems[0]


def test_an_alias_that_speaks_of_production_is_refused(
    look: Look, accounts: Accounts, environment: Environment
) -> None:
    session = boto3.Session(profile_name=OTHER)
    iam = session.client("iam", config=Config(retries={"total_max_attempts": 1}))
    iam.create_account_alias(AccountAlias="acme-products")
    found = look()
    assert found.good
    assert "acme-products" in [s.alias for s in found.standings]
    iam.delete_account_alias(AccountAlias="acme-products")
    iam.create_account_alias(AccountAlias="acme-prod")
    (problem,) = look().problems
    assert problem.startswith(f"{OTHER} (other): its alias is acme-prod")
    assert look(dataclasses.replace(environment, name="production")).good


def test_placeholders_and_accounts_without_a_profile_are_refused(
    environment: Environment, accounts: Accounts, tmp_path: Path
) -> None:
    changed = dataclasses.replace(environment, operations_account="000000010001")
    access = accounts.access({a: a for a in changed.accounts}, changed.administrator, tmp_path)
    found = preflight(changed, AwsTarget(access), {EXAMPLE: "no profile is of it"})
    assert found.problems == [
        "000000010001 (operations): its id is a placeholder; put in your own account's",
        f"{EXAMPLE} (example): no profile is of it",
    ]


def test_a_region_that_is_not_enabled_is_refused(look: Look, environment: Environment) -> None:
    found = look(dataclasses.replace(environment, regions=("eu-central-1", "me-south-1")))
    assert {p.partition(": ")[2] for p in found.problems} == {
        "me-south-1 is not enabled in it; enable it, or take it out of regions"
    }


def test_the_command_shows_what_it_found_and_says_so_with_its_exit_code(
    environment: Environment,
    accounts: Accounts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("harness.cli.accounts.run_folder", lambda _: tmp_path)
    asked = ["preflight", str(environment.path), "--no-rehearse"]
    assert start(asked) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    at = lines.index(f"{OTHER}  customer, other")
    assert lines[at + 1] == (f"  profile {OTHER} is assumed-role/bulkhead-owner/administrator")
    assert lines[at + 2].startswith("  no alias, organization o-")
    assert "Regions: eu-central-1, eu-west-1." in said
    assert "bulkhead:environment = sandbox and bulkhead:run = " in said
    assert f"No profile caller@ACCOUNT for {OTHER}, {EXAMPLE}" in said
    assert not [secret for secret in accounts.secrets if secret in said]

    assert start([*asked, "--profile", f"{OTHER}=root@{OTHER}"]) == 1
    said = capsys.readouterr().out
    assert f"refused: {OTHER} (other): its profile is the root user" in said
    assert "Nothing was changed." in said
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert start(asked) == 2
    assert "AWS_ENDPOINT_URL is set" in capsys.readouterr().err
