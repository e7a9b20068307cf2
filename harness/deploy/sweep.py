"""What a run that was killed left in the accounts of an environment, and removing it.

Something is of a run only if its name starts as ours do AND it carries the environment's tag AND
that of a run of `--target aws`, which what is applied by Terraform alone (in CI, with states in a
bucket) never carries. What lacks one of these, or has no tags by nature, is told and left to a
person; so are records that are to be kept. States are not asked: this is for when they are lost.
Everything is done as the accounts' owners, the guardrails first, since they keep others from
removing the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from harness.deploy.environment import Environment
from harness.deploy.sweep_kinds import KINDS, Kind, Tags
from harness.errors import UserError
from harness.targets.aws import ENVIRONMENT_TAG, HOME_REGION, RUN_TAG, AwsTarget

_PAUSE = 2.0
_GONE = frozenset(
    {
        *("NoSuchEntity", "NotFoundException", "ResourceNotFoundException", "ResourceNotFound"),
        *("PolicyNotFoundException", "TrailNotFoundException", "NoSuchBucket", "NotFound"),
        *("StateMachineDoesNotExist", "InvalidResourceId", "ParameterNotFound"),
    }
)
_UNTAGGED = frozenset({"NoSuchTagSet", "NoSuchTagSetError"})
_RELATED = frozenset({"DeleteConflict", "PolicyInUseException", "ConflictException"})
"""Refusals that end when something else is removed or seen to be."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that looks like the environment's."""

    account: str
    region: str
    kind: str
    name: str
    identifier: str = field(repr=False)
    """What the service knows it by."""
    why_not: str = ""
    """Why it is not removed from here."""
    run: str = ""

    @property
    def removable(self) -> bool:
        return not self.why_not

    def __str__(self) -> str:
        place = f"{self.account} {self.region}".strip()
        of = f" of run {self.run}" if self.run else ""
        why = f" ({self.why_not})" if self.why_not else ""
        return f"{place}: {self.kind} {self.name}{of}{why}"


def find(environment: Environment, target: AwsTarget) -> list[Leftover]:
    """Everything that looks like the environment's, in the order in which it is to be removed;
    changes nothing. Raises `UserError` that names what cannot be listed, and where."""
    found: list[Leftover] = []
    for kind in KINDS:
        for account, region in _places(kind, environment):
            try:
                found += _found(kind, environment, target, account, region)
            except (ClientError, BotoCoreError) as error:
                where = f"{account} {region}: kind {kind.name} cannot be listed"
                raise UserError(f"{where}: {_short(error)}") from error
    return found


def remove(
    leftovers: Sequence[Leftover], environment: Environment, target: AwsTarget
) -> Iterator[tuple[Leftover, str]]:
    """Removes what is removable, each looked at again before; yields what was tried and why it is
    still there (empty: it is gone). What something else is in the way of is tried again until the
    target's patience ends."""
    kinds = {kind.name: kind for kind in KINDS}
    pending = [each for each in leftovers if each.removable]
    deadline = time.monotonic() + target.patience
    while pending:
        again: list[Leftover] = []
        for each in pending:
            kind = kinds[each.kind]
            client = _client(kind, target, target.session(each.account), each.region)
            try:
                tags = _tags(kind, client, (each.name, each.identifier))
            except (ClientError, BotoCoreError) as error:
                yield each, _short(error)
                continue
            if tags is None:
                yield each, ""
                continue
            if _why_not(kind, environment, each.account, tags) or tags[RUN_TAG] != each.run:
                yield each, "it does not carry the same tags any more"
                continue
            assert kind.remove is not None
            try:
                kind.remove(client, each.name, each.identifier)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                # A guardrail that was just taken away denies for a while.
                waits = code in _RELATED or code.startswith("AccessDenied")
                if code in _GONE:
                    yield each, ""
                elif waits and time.monotonic() < deadline:
                    again.append(each)
                else:
                    yield each, _short(error)
            except BotoCoreError as error:
                yield each, _short(error)
            else:
                yield each, ""
        if again and len(again) == len(pending):
            time.sleep(_PAUSE)
        pending = again


def _places(kind: Kind, environment: Environment) -> Iterator[tuple[str, str]]:
    if kind.management:
        yield environment.management_account, HOME_REGION
        return
    for account in environment.accounts:
        # What is of no region is listed from any.
        for region in environment.regions if kind.regional else [environment.region]:
            yield account, region


def _found(
    kind: Kind, environment: Environment, target: AwsTarget, account: str, region: str
) -> Iterator[Leftover]:
    client = _client(kind, target, target.session(account), region)
    shown = region if kind.regional else ""
    for name, identifier in kind.list(client, *([account] if kind.of_account else [])):
        tags = _tags(kind, client, (name, identifier))
        if tags is None:
            continue
        owner = tags.get(ENVIRONMENT_TAG)
        if owner is not None and owner != environment.name:
            continue  # another environment's
        why = kind.why_not or _why_not(kind, environment, account, tags)
        yield Leftover(account, shown, kind.name, name, identifier, why, tags.get(RUN_TAG, ""))


def _why_not(kind: Kind, environment: Environment, account: str, tags: Tags) -> str:
    """Why something of this kind with these tags is not to be removed; empty where it is."""
    for tag in (ENVIRONMENT_TAG, RUN_TAG):
        if not tags.get(tag):
            return f"it has no tag {tag}"
    if kind.records and environment.keeps_records_of(account):
        return "records of this account are kept"
    return ""


def _tags(kind: Kind, client: Any, each: tuple[str, str]) -> Tags | None:
    """Its tags; None where it is no more."""
    try:
        return kind.tags(client, *each)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _UNTAGGED:
            return {}
        if code in _GONE:
            return None
        raise


def _client(kind: Kind, target: AwsTarget, session: boto3.Session, region: str) -> Any:
    return target.client(session, kind.service, region or HOME_REGION)


def _short(error: ClientError | BotoCoreError) -> str:
    """What went wrong, without anything that was sent."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        return f"{error.operation_name} answers {code}"
    return f"was not answered: {type(error).__name__}"
