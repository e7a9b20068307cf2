"""Live sessions of a customer's fleet role, which show what a change did to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from harness.deploy.deployment import Deployment
from harness.errors import UserError

PATIENCE = 60.0
"""Seconds within which a change of IAM must be seen."""
_LOOK = 0.5
_SESSION = "operator"


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that an application of one account has, as far as the target lets us be one."""

    customer: str
    account: str
    runtime: Any
    profile: str

    def refusal(self) -> str:
        """Why a call of the customer's own model is refused, in the words of AWS; empty where it is
        let through. Raises `UserError` where the answer is neither."""
        body = '{"schemaVersion": "messages-v1", "messages": []}'
        try:
            self.runtime.invoke_model(modelId=self.profile, body=body)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessDeniedException":
                return str(error.response["Error"]["Message"])
            if code == "ValidationException":
                return ""  # it was let through to the model, which wants more than nothing
            raise UserError(f"account {self.account}: a session could not be tried: {code}") from (
                error
            )
        return ""


def may_assume(
    deployment: Deployment, customer: str, account: str, external_id: str
) -> dict[str, Any] | None:
    """The credentials of the customer's fleet role that its caller role in `account` gets with that
    external id; None where it is refused. Raises `UserError` for any other failure."""
    target, fleet = deployment.target(), deployment.fleets[customer]
    home = deployment.accounts[account]
    try:
        caller = target.caller_session(home.caller_role_arn, home.caller, region=home.region)
        answer = target.client(caller, "sts", fleet.region).assume_role(
            RoleArn=fleet.fleet_role_arn,
            RoleSessionName=f"{fleet.session_name_prefix[account]}{_SESSION}",
            ExternalId=external_id,
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "AccessDenied":
            return None
        raise UserError(f"account {account}: the fleet role could not be tried: {code}") from error
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def live_sessions(deployment: Deployment, customer: str) -> list[LiveSession]:
    """A session of each account of the customer that may still begin one."""
    fleet = deployment.fleets.get(customer)
    if fleet is None:
        return []
    target, sessions = deployment.target(), []
    for account, home in deployment.accounts.items():
        if home.customer != customer or account not in fleet.session_name_prefix:
            continue
        credentials = may_assume(deployment, customer, account, fleet.external_id)
        if credentials is not None:
            runtime = target.client(target.assumed(credentials), "bedrock-runtime", fleet.region)
            (profile, *_) = fleet.inference_profiles[fleet.region].values()
            sessions.append(LiveSession(customer, account, runtime, profile))
    return sessions


def until(holds: Callable[[], bool], otherwise: str, patience: float = PATIENCE) -> None:
    """Returns when it holds; IAM takes a while. Raises `UserError` with the text where it never
    does."""
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise UserError(otherwise)
        time.sleep(_LOOK)
