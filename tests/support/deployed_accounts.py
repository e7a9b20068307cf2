"""Somebody's real accounts with an environment deployed in them by `bulkhead apply --target aws`,
and copies of these."""

from __future__ import annotations

import configparser
import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.real_accounts import Accounts, open_accounts

from harness.cli import accounts as cli
from harness.cli import start
from harness.cloud.process import CloudProcess
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.deploy.rehearsal import Rehearsal
from harness.targets.aws import AwsTarget
from harness.targets.base import SERVICE_PRINCIPALS
from harness.targets.profiles import Access


@contextlib.contextmanager
def opened(
    environment: Environment, cloud: CloudProcess, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[Accounts]:
    """Somebody's accounts, whose run lies in the folder `run` beside, and who has made a profile of
    each caller role."""
    run = folder / "run"
    run.mkdir(exist_ok=True)
    patch.setattr(cli, "run_folder", lambda _environment: run)
    # What a rehearsal finds is looked at elsewhere.
    patch.setattr(cli, "rehearse", lambda *_: Rehearsal({"operations": {"aws_kms_key": 2}}))
    patch.setattr(AwsTarget, "patience", 3.0)
    patch.setattr("harness.targets.aws._PAUSE", 0.1)
    patch.setattr("harness.deploy.sweep._PAUSE", 0.1)
    with open_accounts(cloud, folder, patch, {}) as accounts:
        for _, account in environment.customer_accounts:
            accounts.role(
                f"caller@{account.account_id}",
                f"arn:aws:iam::{account.account_id}:role/bulkhead/bulkhead-caller",
                f"{SERVICE_PRINCIPALS[account.caller]}@{account.account_id}",
            )
        yield accounts


@contextlib.contextmanager
def copy_of(
    environment: Environment,
    made: tuple[CloudProcess, Path],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[CloudProcess, Accounts, Path]]:
    """A copy of the cloud; within, somebody's accounts in it, with a copy of the run that `made`
    them, which works on the copies."""
    cloud, before = made
    with cloud.fork() as copy:
        run = folder / "run"
        shutil.copytree(before / "run", run, symlinks=True)
        with opened(environment, copy, folder, monkeypatch) as accounts:
            access = run / "access.json"
            moved = {
                "folder": str(run),
                "config": str(accounts.config),
                "credentials": str(accounts.credentials),
            }
            rewrite(access, moved)
            rewrite(run / "deployment.json", {"place": {"credentials": str(access)}})
            yield copy, accounts, run


def rewrite(file: Path, changed: Mapping[str, Any]) -> None:
    """Changes fields of a JSON file, those of its objects one by one."""
    document = json.loads(file.read_text(encoding="utf-8"))
    for name, value in changed.items():
        document[name] = document[name] | value if isinstance(value, dict) else value
    file.write_text(json.dumps(document), encoding="utf-8")


@dataclasses.dataclass
class Day:
    """What an operator has who deployed it: the list, the run, and the accounts."""

    path: Path
    run_dir: Path
    accounts: Accounts
    cloud: CloudProcess
    capsys: pytest.CaptureFixture[str]

    @property
    def made(self) -> Deployment:
        return Deployment.load(self.run_dir / "deployment.json")

    @property
    def text(self) -> str:
        return (self.path / "customers.yaml").read_text(encoding="utf-8")

    def run(self, *command: str, yes: bool = True) -> tuple[int, str]:
        """Runs a command on the real accounts; returns its exit code and all that it printed."""
        self.capsys.readouterr()
        count = 2 if command[0] == "customer" else 1
        always = ["--target", "aws", *(["--yes"] if yes else [])]
        code = start([*command[:count], str(self.path), *command[count:], *always])
        said = "".join(self.capsys.readouterr())
        assert "Traceback" not in said
        ids = json.loads((self.run_dir / "external-ids.json").read_text("utf-8"))
        assert not [c for c, secret in ids.items() if secret in said], "told an id"
        return code, said

    @property
    def access(self) -> Access:
        return Access.load(self.run_dir / "access.json")

    @contextlib.contextmanager
    def without(self, account: str) -> Iterator[None]:
        """Within, the profile of an account gives no credentials."""
        text = self.accounts.credentials.read_text(encoding="utf-8")
        self.accounts.credentials.write_text(
            text.replace(f"[{account}]", f"[{account}-is-away]"), encoding="utf-8"
        )
        try:
            yield
        finally:
            self.accounts.credentials.write_text(text, encoding="utf-8")

    def open_account(self, account: str) -> None:
        """Somebody makes an account, and a profile of its owner."""
        self.cloud.open_account(account, self.made.environment.management_account)
        keys = configparser.RawConfigParser()
        keys.read(self.cloud.credentials)
        owner = configparser.RawConfigParser()
        owner[account] = dict(keys[account])
        service = f"{SERVICE_PRINCIPALS['lambda']}@{account}"
        owner[service] = dict(keys[service])
        with self.accounts.credentials.open("a", encoding="utf-8") as file:
            owner.write(file)
        caller = f"arn:aws:iam::{account}:role/bulkhead/bulkhead-caller"
        self.accounts.role(f"caller@{account}", caller, service)


def ours(environment: Environment, run: Path) -> dict[str, set[str]]:
    """What carries the environment's tag or starts as ours do, by kind."""
    from harness.deploy.sweep import find

    found: dict[str, set[str]] = {}
    for each in find(environment, AwsTarget(Access.load(run / "access.json"))):
        if each.name != "bulkhead-owner":
            found.setdefault(each.kind, set()).add(f"{each.account} {each.name} {each.why_not}")
    return found


def made_by_fields(environment: Environment, target: AwsTarget) -> None:
    """What only environments with more fields make: of a killed run, and applied by CI."""
    account = environment.operations_account

    def client(service: str) -> Any:
        return target.client(target.session(account), service, environment.region)

    for name, tags in (
        ("dead", {"bulkhead:environment": "sandbox", "bulkhead:run": "deaddead"}),
        ("ci", {"bulkhead:environment": "sandbox"}),
    ):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        client("sns").create_topic(Name=f"bulkhead-{name}", Tags=pairs)
        client("events").create_event_bus(Name=f"bulkhead-{name}", Tags=pairs)
        client("events").put_rule(
            Name="glass", EventBusName=f"bulkhead-{name}", EventPattern='{"source": ["aws.sts"]}'
        )
        client("iam").create_open_id_connect_provider(
            Url=f"https://{name}.example.com", ClientIDList=["sts.amazonaws.com"], Tags=pairs
        )
        client("budgets").create_budget(
            AccountId=account,
            Budget={
                "BudgetName": f"bulkhead-spend-{name}",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "1", "Unit": "USD"},
            },
            ResourceTags=pairs,
        )
