"""An embedded cloud set up as somebody's real accounts: profiles in an AWS configuration, AWS's own
host names over TLS, and no variable that names an endpoint."""

from __future__ import annotations

import configparser
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cloud.front import Front
from harness.cloud.process import CloudProcess
from harness.deploy.environment import Environment, load_environment
from harness.targets.profiles import Access

ROOT = Path(__file__).parents[2]
EXAMPLE, OTHER = "100000010002", "100000010003"
"""The customers' accounts in `sandbox`."""
CI = """
ci:
  github:
    repository: acme/live
    deploy_environment: sandbox
    plan_environment: sandbox-plan
    audit_environment: sandbox-audit
"""
"""What deploys, plans and audits `sandbox` as jobs of GitHub; `more` of it."""
STATES = "state:\n  account_id: "


def sandbox(
    folder: Path, *, second: bool = True, more: str = "", whole: bool = False
) -> Environment:
    """The environment `sandbox` as somebody has it who put in accounts of their own, with a second
    customer or not, with `more` at the end of its list, and unless `whole` without an account of
    states and a trail, which take Terraform a minute."""
    path = folder / "environments" / "sandbox"
    shutil.copytree(ROOT / "environments" / "sandbox", path)
    file = path / "customers.yaml"
    text = file.read_text(encoding="utf-8").replace('"0000000100', '"1000000100')
    if not whole:
        text = text.replace(f'{STATES}"100000010005"\n', "")
        text = text.replace("partition: aws\n", "partition: aws\ntrail: false\n")
    other = f'  other:\n    accounts:\n      - {{ account_id: "{OTHER}", caller: lambda }}\n'
    models = '    models: ["amazon.nova-lite-v1:0"]\n'
    if second:
        text = text.replace("customers:\n", f"customers:\n{other}{models}")
    file.write_text(text + more, encoding="utf-8")
    return load_environment(path)


@dataclass(frozen=True)
class Accounts:
    """What somebody has on their machine who has these accounts."""

    front: Front
    config: Path
    credentials: Path
    keys: configparser.RawConfigParser

    @property
    def secrets(self) -> list[str]:
        """Every secret in the credentials file."""
        return [
            value
            for section in self.keys.values()
            for name, value in section.items()
            if name in ("aws_secret_access_key", "aws_session_token")
        ]

    def role(self, profile: str, role_arn: str, source: str) -> None:
        """One more profile, of a role."""
        with self.config.open("a", encoding="utf-8") as file:
            file.write(
                f"[profile {profile}]\nrole_arn = {role_arn}\nsource_profile = {source}\n"
                "role_session_name = app\n"
            )

    def access(self, profiles: Mapping[str, str], administrator: str, folder: Path) -> Access:
        """Access by these profiles, `operations`, `acme` and `stranger` among them."""
        text = self.config.read_text(encoding="utf-8")
        return Access(
            environment="sandbox",
            partition="aws",
            run="r1",
            config=str(self.config),
            credentials=str(self.credentials),
            folder=str(folder),
            profiles=dict(profiles),
            callers={a: f"caller@{a}" for a in profiles if f"[profile caller@{a}]" in text},
            administrator=administrator,
        )


@contextmanager
def open_accounts(
    cloud: CloudProcess,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: Mapping[str, str] | None = None,
) -> Iterator[Accounts]:
    """Within, this process and those that it starts take the cloud for AWS. `names` are the
    profiles by account; the accounts of the cloud are `operations`, `acme`, `stranger` without."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    keys = configparser.RawConfigParser()
    keys.read(cloud.credentials)
    accounts = [name for name in keys.sections() if name.isdigit()]
    if names is None:
        names = dict(zip(accounts, ("operations", "acme", "stranger"), strict=False))
    mine = configparser.RawConfigParser()
    for section in keys.sections():
        mine[names.get(section, section)] = dict(keys[section])
    credentials = folder / "aws-credentials"
    with credentials.open("w", encoding="utf-8") as file:
        mine.write(file)
    config = folder / "aws-config"
    config.write_text("", encoding="utf-8")
    with Front(cloud.endpoint) as front:
        environ = front.environ() | {
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        yield Accounts(front, config, credentials, mine)
