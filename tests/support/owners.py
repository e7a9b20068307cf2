"""The owners of accounts with the rights that docs/owner.yaml lists for a job, and no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from ruamel.yaml import YAML

from harness.cloud.process import CloudProcess
from harness.deploy.environment import Environment
from harness.deploy.preflight import parts
from harness.targets.aws import AwsTarget
from harness.targets.embedded import EmbeddedTarget

RIGHTS = Path(__file__).parents[2] / "docs" / "owner.yaml"
OWNER = "bulkhead-owner"
KINDS = {
    "management": "organization",
    "operations": "operations",
    "customer": "customer",
    "states": "state",
}
"""By part of an environment: the kind of its accounts, as docs/owner.yaml has it."""
WITHOUT_A_RIGHT = {"sts:GetCallerIdentity"}
"""What anybody may ask.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


def rights(job: str) -> dict[str, list[str]]:
    """By kind of account: the actions."""
    loaded: dict[str, dict[str, list[str]]] = YAML(typ="safe").load(RIGHTS.read_text("utf-8"))
    return loaded[job]


@dataclass
class Owners:
    """The owners of a cloud's accounts, and who may do everything besides."""

    environment: Environment
    cloud: CloudProcess
    keys: Mapping[str, Mapping[str, str]]
    """By profile: those of the cloud."""
    target: AwsTarget | EmbeddedTarget
    sessions: dict[str, boto3.Session] = field(default_factory=dict)
    """Of the root users, by account."""

    def everything(self, service: str, account: str, region: str = "eu-central-1") -> Any:
        """A client of the account's root user."""
        if account not in self.sessions:
            keys = self.keys[f"root@{account}"]
            # Sessions of the target share what is known of services, which takes long to read.
            self.sessions[account] = self.target.assumed(
                {
                    "AccessKeyId": keys["aws_access_key_id"],
                    "SecretAccessKey": keys["aws_secret_access_key"],
                }
            )
        return self.target.client(self.sessions[account], service, region)

    @property
    def kinds(self) -> dict[str, str]:
        """By account: which rights are its owner's."""
        return {a: KINDS.get(part, "outside") for a, part, _ in parts(self.environment)}

    def give(self, job: str, without: str = "", *, only: str = "") -> None:
        """Has the owners, or only one account's, have what a job is listed to need, but for one
        action, and no more."""
        listed = rights(job)
        for account, kind in self.kinds.items():
            if only not in ("", account):
                continue
            own = [*listed["everywhere"], *listed.get(kind, [])]
            allowed = [action for action in own if action != without] or ["sts:GetCallerIdentity"]
            statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam = self.everything("iam", account)
            for name in iam.list_role_policies(RoleName=OWNER)["PolicyNames"]:
                iam.delete_role_policy(RoleName=OWNER, PolicyName=name)
            iam.put_role_policy(RoleName=OWNER, PolicyName="owner", PolicyDocument=document)

    def asked(self) -> dict[str, set[str]]:
        """By kind of account: what owners asked for and were given."""
        found: dict[str, set[str]] = {}
        for account, kind in self.kinds.items():
            arn = f"arn:aws:iam::{account}:role/{OWNER}"
            actions = {request.action for request in self.cloud.asked(arn)}
            found.setdefault(kind, set()).update(actions - WITHOUT_A_RIGHT)
        return found

    def needless(self, job: str) -> dict[str, set[str]]:
        """By kind of account: what is listed for a job and was not asked for."""
        listed, asked = rights(job), self.asked()
        asked["everywhere"] = set[str]().union(*asked.values())
        needless = {k: set(v) - asked[k] for k, v in listed.items() if k != "unmeasured"}
        return {kind: actions for kind, actions in needless.items() if actions}
