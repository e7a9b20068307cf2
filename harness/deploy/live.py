"""Live sessions of a customer's fleet role, which show what a change did to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.deploy.deployment import Deployment
from harness.errors import UserError
from harness.targets.base import CALLER_TYPES

PATIENCE = 60.0
"""Seconds within which a change of IAM must be seen."""
_LOOK = 0.5
_SESSION = "operator"


class Untried(UserError):
    """What an account's application is answered cannot be found out from here."""

    def __init__(self, account: str, why: str) -> None:
        super().__init__(f"account {account} could not be tried: {why}")


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that an application of one account has, as far as the target lets us be one."""

    customer: str
    account: str
    runtime: Any
    profile: str

    def refusal(self) -> str:
        """Why a call of the customer's own model is refused, in the words of AWS; empty where it is
        let through. Raises `Untried` where the answer is neither."""
        body = '{"schemaVersion": "messages-v1", "messages": []}'
        try:
            self.runtime.invoke_model(modelId=self.profile, body=body)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessDeniedException":
                return str(error.response["Error"]["Message"])
            if code == "ValidationException":
                return ""  # it was let through to the model, which wants more than nothing
            raise Untried(self.account, f"a call of its session was answered {code}") from error
        except BotoCoreError as error:
            raise Untried(self.account, type(error).__name__) from error
        return ""


def may_assume(
    deployment: Deployment, customer: str, account: str, external_id: str
) -> dict[str, Any] | None:
    """The credentials of the customer's fleet role that its caller role in `account` gets with that
    external id; None where it is refused. Raises `Untried` for any other failure, and where nobody
    but the application itself can act as the caller."""
    target, fleet = deployment.target(), deployment.fleets[customer]
    home = deployment.accounts[account]
    if home.caller not in CALLER_TYPES:
        raise Untried(account, f"only what runs there can act as its caller ({home.caller})")
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
        raise Untried(account, f"its caller was answered {code}") from error
    except BotoCoreError as error:
        raise Untried(account, type(error).__name__) from error
    except UserError as error:
        raise Untried(account, str(error)) from error
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def live_session(deployment: Deployment, customer: str, account: str) -> LiveSession | None:
    """A new session of an account of the customer; None where it is refused. Raises `Untried`."""
    target, fleet = deployment.target(), deployment.fleets[customer]
    if account not in fleet.session_name_prefix:
        return None
    credentials = may_assume(deployment, customer, account, fleet.external_id)
    if credentials is None:
        return None
    runtime = target.client(target.assumed(credentials), "bedrock-runtime", fleet.region)
    (profile, *_) = fleet.inference_profiles[fleet.region].values()
    return LiveSession(customer, account, runtime, profile)


def live_sessions(deployment: Deployment, customer: str) -> tuple[list[LiveSession], list[str]]:
    """A session of each account of the customer that may still begin one, and a line for each of
    the others that says why there is none. Raises nothing of what an account's answer can be."""
    sessions: list[LiveSession] = []
    untried: list[str] = []
    if customer not in deployment.fleets:
        return sessions, untried
    for account, home in deployment.accounts.items():
        if home.customer != customer:
            continue
        try:
            session = live_session(deployment, customer, account)
        except (UserError, ClientError, BotoCoreError) as error:
            why = error if isinstance(error, Untried) else Untried(account, type(error).__name__)
            untried.append(str(why))
            continue
        if session is None:
            untried.append(f"account {account} could not be tried: it is let into no new session")
        else:
            sessions.append(session)
    return sessions, untried


def until(holds: Callable[[], bool], otherwise: str, patience: float = PATIENCE) -> None:
    """Returns when it holds; IAM takes a while. Raises `UserError` with the text where it never
    does."""
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise UserError(otherwise)
        time.sleep(_LOOK)
