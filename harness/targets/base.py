"""What a target offers: sessions of principals, clients made from them, environments of processes.

Nothing here knows which target it is: the embedded cloud is in `embedded`, the same with a
LocalStack behind it in `localstack`, real accounts in `aws`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import boto3

CallerType = Literal["lambda", "ecs", "ec2", "eks-pod-identity"]
"""What runs the application of a customer account, and so which service its caller role trusts.

Beside these an account can have `eks-irsa`, whose pods come with a token, and `existing`, a role
that the customer made."""

CALLER_TYPES: tuple[CallerType, ...] = get_args(CallerType)

SERVICE_PRINCIPALS: Mapping[str, str] = {
    "lambda": "lambda.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "ec2": "ec2.amazonaws.com",
    "eks-pod-identity": "pods.eks.amazonaws.com",
}

DEPLOY_ROLE = "bulkhead/bulkhead-deploy"
PLAN_ROLE = "bulkhead/bulkhead-plan"
"""The roles that the bootstrap of an account makes, as path and name."""

AUDIT_ROLE = "bulkhead/bulkhead-audit"
"""The role that reads for an audit, where CI audits; it is made with the others."""

STATE_ROLES = "bulkhead/state/"
"""Where the roles lie that reach states, in an account of their own."""

Deployer = Literal["deploy", "plan"]
DEPLOYERS: Mapping[Deployer, str] = {"deploy": DEPLOY_ROLE, "plan": PLAN_ROLE}
"""By the name that profiles of them start with."""


def profile_of(deployer: Deployer, account: str) -> str:
    """The profile of a deploy role of an account, in the environment of `Target.environ`."""
    return f"{deployer}@{account}"


def role_arn(deployer: Deployer, account: str) -> str:
    """The ARN of a deploy role of an account."""
    return f"arn:aws:iam::{account}:role/{DEPLOYERS[deployer]}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is: what another process needs to reach it again (`reach.reach`)."""

    target: str
    endpoint: str
    """Empty where each service has its own."""
    credentials: Path
    """The file that says whose credentials are where."""
    control: Path
    """The socket of an embedded cloud; an empty path elsewhere."""


class Target(Protocol):
    """A place where an environment can be deployed and probed."""

    @property
    def name(self) -> str:
        """`embedded`, `localstack` or `aws`."""

    @property
    def place(self) -> Place:
        """Where it is."""

    @property
    def real(self) -> bool:
        """Whether somebody's accounts are at stake: then probes change nothing unless asked to, no
        copy is there to try things in, and Terraform starts its providers as it does everywhere."""

    @property
    def patience(self) -> float:
        """Seconds within which what was made or changed must be seen by every service; 0 where it
        is at once."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The tags that whatever is made here carries beside its own, so that it is found again."""

    @property
    def endpoint_url(self) -> str | None:
        """The one endpoint of all services; `None` where each has its own."""

    def session(self, account: str) -> boto3.Session:
        """A session of the account's administrator.

        Raises `UserError` for an account that the target has no credentials for.
        """

    def deployer_session(self, deployer: Deployer, account: str, *, region: str) -> boto3.Session:
        """A session of the role that applies or plans what is deployed in an account.

        Raises botocore's `ClientError` where the account is not bootstrapped.
        """

    def caller_session(
        self, role_arn: str, caller: str, *, region: str, session_name: str = "app"
    ) -> boto3.Session:
        """A session of a role that a service starts workloads with (`CallerType`) in a region.

        Raises botocore's `ClientError` when the role does not trust that service.
        """

    def helper_principal(self, account: str) -> Mapping[str, str]:
        """Who may start the helper roles that probes make in an account, as a `Principal`."""

    def helper_session(
        self, role_arn: str, *, region: str, session_name: str = "app"
    ) -> boto3.Session:
        """A session of a role that trusts `helper_principal` of its account.

        Raises botocore's `ClientError`, also while the role is not known everywhere.
        """

    def assumed(self, credentials: Mapping[str, Any]) -> boto3.Session:
        """A session from the `Credentials` member of an STS answer."""

    def client(self, session: boto3.Session, service: str, region: str, **settings: Any) -> Any:
        """A client of that session. `settings` are members of botocore's `Config`."""

    def explain(self, request_id: str) -> dict[str, Any] | None:
        """What was decided for a request, and by which statements: `outcome`, `action`, `resource`,
        `statements` (`kind`, `policy`, `attached`, `sid`, `index`, `statement`), `missing` kinds of
        policy, `near` statements of those, `note`.

        `None` where the target cannot tell, as AWS cannot.
        """

    def environ(self, account: str | None) -> dict[str, str]:
        """The whole environment for a process that acts as the account's administrator.

        `None` picks no profile: the process names one itself, an account's for its administrator or
        that of a deploy role (`profile_of`).
        """


def clean_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment without anything that steers an AWS SDK or Terraform.

    A stray profile, key, region or `TF_VAR_…` of the person at the terminal must not decide what a
    run does, least of all in which account.
    """
    source = os.environ if environ is None else environ
    return {k: v for k, v in source.items() if not k.startswith(("AWS_", "TF_", "BOTO_"))}
