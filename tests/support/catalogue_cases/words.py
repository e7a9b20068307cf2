"""Names and short forms that the cases share."""

from __future__ import annotations

from typing import Any

from support.catalogue import REGION, A, B

ROLE = f"arn:aws:iam::{A}:role/teams/app"
ANN = f"arn:aws:iam::{A}:user/people/ann"
THEIR_ROLE = f"arn:aws:iam::{B}:role/theirs"
GROUP = f"arn:aws:logs:{REGION}:{A}:log-group:/app"
TRAIL_GROUP = f"arn:aws:logs:{REGION}:{A}:log-group::log-stream:"
POLICY = f"arn:aws:iam::{A}:policy/p"
SINK = f"arn:aws:oam:{REGION}:{B}:sink/1"
TOPIC = f"arn:aws:sns:{REGION}:{A}:t"
MACHINE = f"arn:aws:states:{REGION}:{A}:stateMachine:m"
TAGS = [{"Key": "team", "Value": "red"}]
TAGGED = {"aws:RequestTag/team": "red", "aws:TagKeys": ("team",)}
CALLER_KEY = {"kms:CallerAccount": A}
ENCRYPTED = {**CALLER_KEY, "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

Expected = tuple[str, str, str, dict[str, Any]]


def need(action: str, resource: str, owner: str = A, **context: Any) -> Expected:
    keys = context.pop("keys", {})
    if action.startswith("s3:") and resource != "*":
        keys = {**keys, "s3:ResourceAccount": owner}
    return action, resource, "" if resource == "*" else owner, keys


def passing(resource: str, service: str) -> Expected:
    return need("iam:PassRole", resource, keys={"iam:PassedToService": service})


def arn(service: str, rest: str, owner: str = A) -> str:
    return f"arn:aws:{service}:{REGION}:{owner}:{rest}"


def budget(rest: str, owner: str = A) -> str:
    return f"arn:aws:budgets::{owner}:budget/{rest}"


Case = tuple[str, dict[str, Any], list[Expected]]
