"""Guardrails of all accounts and regions: made, changed, numbered, listed, deleted.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails.html
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock.assess import refuse_unplayable
from harness.cloud.bedrock.errors import conflict, invalid, not_found, unfit
from harness.cloud.bedrock.pages import page
from harness.cloud.bedrock.profiles import Place
from harness.cloud.bedrock.tags import Tags, checked_tags
from harness.cloud.call import ApiError, Call

DRAFT: Final = "DRAFT"
_ARN: Final = re.compile(r"arn:aws:bedrock:([a-z0-9-]{1,20}):([0-9]{12}):guardrail/([a-z0-9]+)")
_NAME: Final = re.compile(r"[0-9a-zA-Z_-]{1,50}")
_GUARDRAILS: Final = 100
_VERSIONS: Final = 20
"""Quotas of an account and Region: https://docs.aws.amazon.com/general/latest/gr/bedrock.html"""
_POLICIES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "topicPolicyConfig": ("topicPolicy", {"topicsConfig": "topics", "tierConfig": "tier"}),
    "wordPolicyConfig": ("wordPolicy", {"wordsConfig": "words"}),
    "sensitiveInformationPolicyConfig": (
        "sensitiveInformationPolicy",
        {"piiEntitiesConfig": "piiEntities", "regexesConfig": "regexes"},
    ),
}
_MESSAGES: Final = ("blockedInputMessaging", "blockedOutputsMessaging")

Clock = Callable[[], datetime]
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a guardrail; the working draft is one too."""

    arn: str
    id: str
    version: str
    config: Mapping[str, Any]
    """The members of CreateGuardrail."""
    description: str | None
    created: datetime
    updated: datetime


@dataclass(slots=True)
class _Guardrail:
    arn: str
    versions: dict[str, Version] = field(default_factory=dict)
    last: int = 0


def parse_guardrail_arn(text: str) -> tuple[Place, str] | None:
    """Account, Region and id of a guardrail's ARN; `None` for anything else."""
    match = _ARN.fullmatch(text)
    return ((match[2], match[1]), match[3]) if match else None


class Guardrails:
    """The guardrails of one cloud, and the operations that change them. Thread-safe."""

    def __init__(self, clock: Clock, tags: Tags) -> None:
        self._clock = clock
        self._tags = tags
        self.in_use: Callable[[str], bool] = lambda _arn: False
        """Whether a guardrail, by its ARN, must not be deleted; who enforces guardrails sets it."""
        self._lock = threading.Lock()
        self._places: dict[Place, dict[str, _Guardrail]] = {}
        self._tokens: dict[tuple[Place, str], str] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "CreateGuardrail": self._create,
            "UpdateGuardrail": self._update,
            "CreateGuardrailVersion": self._number,
            "GetGuardrail": self._get,
            "ListGuardrails": self._list,
            "DeleteGuardrail": self._delete,
        }

    def find(self, place: Place, identifier: str, version: str) -> Version | None:
        """A version by the guardrail's id, or by its ARN in any account of the same Region.

        Whether the caller may use another account's, that one's resource policy has decided.
        """
        parsed = parse_guardrail_arn(identifier)
        if parsed is not None:
            owner, identifier = parsed
            if owner[1] != place[1]:
                return None
            place = owner
        with self._lock:
            found = self._places.get(place, {}).get(identifier)
            return found.versions.get(version or DRAFT) if found is not None else None

    def exists(self, arn: str) -> bool:
        """Whether there is a guardrail with this ARN."""
        parsed = parse_guardrail_arn(arn)
        return parsed is not None and self.find(parsed[0], parsed[1], DRAFT) is not None

    def _create(self, call: Call) -> Members:
        place = (call.account, call.region)
        config = _checked(call.params)
        tags = checked_tags(call.params.get("tags") or ())
        token = call.params.get("clientRequestToken")
        now = self._clock()
        with self._lock:
            held = self._places.setdefault(place, {})
            earlier = held.get(self._tokens.get((place, str(token)), ""))
            if earlier is not None:
                if earlier.versions[DRAFT].config != config:
                    raise conflict("The client request token was used before with other parameters")
                return _created(earlier.versions[DRAFT])
            self._refuse_name(held, config["name"], "")
            if len(held) >= _GUARDRAILS:
                raise _quota(f"{_GUARDRAILS} guardrails")
            identifier = secrets.token_hex(6)
            arn = f"arn:aws:bedrock:{call.region}:{call.account}:guardrail/{identifier}"
            draft = Version(arn, identifier, DRAFT, config, config.get("description"), now, now)
            held[identifier] = _Guardrail(arn, {DRAFT: draft})
            if token:
                self._tokens[place, token] = identifier
        self._tags.set(arn, tags)
        return _created(draft)

    def _update(self, call: Call) -> Members:
        config = _checked(call.params)
        now = self._clock()
        with self._lock:
            held, found = self._own(call)
            self._refuse_name(held, config["name"], found.arn)
            old = found.versions[DRAFT]
            description = config.get("description")
            new = Version(old.arn, old.id, DRAFT, config, description, old.created, now)
            found.versions[DRAFT] = new
        return {
            "guardrailId": new.id,
            "guardrailArn": new.arn,
            "version": DRAFT,
            "updatedAt": new.updated,
        }

    def _number(self, call: Call) -> Members:
        now = self._clock()
        with self._lock:
            _, found = self._own(call)
            if len(found.versions) > _VERSIONS:
                raise _quota(f"{_VERSIONS} versions of a guardrail")
            draft = found.versions[DRAFT]
            found.last += 1
            number = str(found.last)
            said = call.params.get("description")
            made = Version(draft.arn, draft.id, number, draft.config, said, now, now)
            found.versions[number] = made
        return {"guardrailId": made.id, "version": number}

    def _get(self, call: Call) -> Members:
        wanted = call.params.get("guardrailVersion") or DRAFT
        place = (call.account, call.region)
        found = self.find(place, call.params["guardrailIdentifier"], wanted)
        if found is None:
            raise _absent()
        return _described(found)

    def _list(self, call: Call) -> Members:
        """The draft of each guardrail, or all versions of the one that is named."""
        identifier = call.params.get("guardrailIdentifier")
        with self._lock:
            if identifier:
                _, one = self._own(call)
                found = list(one.versions.values())
            else:
                held = self._places.get((call.account, call.region), {})
                found = [guardrail.versions[DRAFT] for guardrail in held.values()]
        items = [(f"{one.created.isoformat()} {one.id} {one.version}", one) for one in found]
        listed, token = page(call.params, items)
        members: Members = {"guardrails": [_summary(one) for one in listed]}
        return members if token is None else {**members, "nextToken": token}

    def _delete(self, call: Call) -> Members:
        version = call.params.get("guardrailVersion")
        with self._lock:
            held, found = self._own(call)
            if self.in_use(found.arn):
                raise ApiError(
                    "ResourceInUseException", "The guardrail is enforced in this account.", 400
                )
            if version is None:
                del held[found.arn.rsplit("/", 1)[1]]
                self._tags.forget(found.arn)
            elif version not in found.versions:
                raise _absent()
            else:
                del found.versions[version]
        return {}

    def _own(self, call: Call) -> tuple[dict[str, _Guardrail], _Guardrail]:
        """A guardrail of the caller's account and Region. Holds no lock of its own."""
        place = (call.account, call.region)
        identifier = call.params["guardrailIdentifier"]
        parsed = parse_guardrail_arn(identifier)
        if parsed is not None:
            owner, identifier = parsed
            if owner != place:
                raise _absent()
        held = self._places.get(place, {})
        if identifier not in held:
            raise _absent()
        return held, held[identifier]

    def _refuse_name(self, held: Mapping[str, _Guardrail], name: str, arn: str) -> None:
        for other in held.values():
            if other.arn != arn and other.versions[DRAFT].config["name"] == name:
                raise conflict(f"Another guardrail already has the name {name}.")


def _checked(params: Mapping[str, Any]) -> dict[str, Any]:
    """The members that make a guardrail. Raises `ApiError`."""
    if not _NAME.fullmatch(params["name"]):
        raise unfit(params["name"], "name", "Member must match [0-9a-zA-Z-_]+ and have at most 50")
    for member in _MESSAGES:
        if not 1 <= len(params[member]) <= 500:
            raise unfit(len(params[member]), member, "Member must have length between 1 and 500")
    refuse_unplayable(params)
    kept = ("name", "description", *_MESSAGES, *_POLICIES)
    return {member: params[member] for member in kept if params.get(member)}


def _created(draft: Version) -> Members:
    return {
        "guardrailId": draft.id,
        "guardrailArn": draft.arn,
        "version": draft.version,
        "createdAt": draft.created,
    }


def _described(found: Version) -> Members:
    members: Members = {
        "name": found.config["name"],
        "guardrailId": found.id,
        "guardrailArn": found.arn,
        "version": found.version,
        "status": "READY",
        "createdAt": found.created,
        "updatedAt": found.updated,
        **{member: found.config[member] for member in _MESSAGES},
    }
    if found.description:
        members["description"] = found.description
    for member, (name, parts) in _POLICIES.items():
        if member in found.config:
            policy = found.config[member]
            members[name] = {new: policy[old] for old, new in parts.items() if policy.get(old)}
    return members


def _summary(found: Version) -> Members:
    whole = _described(found)
    members = {name: whole[name] for name in ("status", "name", "version")}
    members |= {"createdAt": found.created, "updatedAt": found.updated}
    if found.description:
        members["description"] = found.description
    return {"id": found.id, "arn": found.arn, **members}


def _absent() -> ApiError:
    return not_found("The guardrail identifier or version provided in the request does not exist.")


def _quota(what: str) -> ApiError:
    return ApiError("ServiceQuotaExceededException", f"At most {what} in this Region.")


def unknown_guardrail() -> ApiError:
    """What a runtime call with a guardrail that is not there answers."""
    return invalid("The guardrail identifier or version provided in the request does not exist.")
