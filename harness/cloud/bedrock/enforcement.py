"""The guardrail that an account enforces on all its model calls in a Region.

Every caller then needs `bedrock:ApplyGuardrail` on it, and nobody can leave it out.
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-enforcements.html
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid, not_found
from harness.cloud.bedrock.guardrails import DRAFT, Guardrails, Version, parse_guardrail_arn
from harness.cloud.bedrock.profiles import Place
from harness.cloud.call import Call

Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Enforced:
    """An account's configuration."""

    id: str
    guardrail: Version
    selective: Mapping[str, Any] | None
    models: Mapping[str, Any] | None
    created: datetime
    created_by: str
    updated: datetime
    updated_by: str

    def covers(self, model_id: str) -> bool:
        """Whether calls of this model are guarded: all are, where no models are named."""
        if not self.models:
            return True
        included = self.models.get("includedModels") or ("ALL",)
        if model_id in (self.models.get("excludedModels") or ()):
            return False
        return "ALL" in included or model_id in included


class Enforcement:
    """The enforced guardrails of all accounts and regions. Thread-safe."""

    def __init__(self, guardrails: Guardrails, clock: Callable[[], datetime]) -> None:
        self._find = guardrails.find
        guardrails.in_use = self.uses
        self._clock = clock
        self._lock = threading.Lock()
        self._configurations: dict[Place, Enforced] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "PutEnforcedGuardrailConfiguration": self._put,
            "ListEnforcedGuardrailsConfiguration": self._list,
            "DeleteEnforcedGuardrailConfiguration": self._delete,
        }

    def of(self, place: Place, model_id: str) -> Version | None:
        """The guardrail that calls of a model there must pass; `None`: none is enforced."""
        with self._lock:
            kept = self._configurations.get(place)
        return kept.guardrail if kept is not None and kept.covers(model_id) else None

    def uses(self, arn: str) -> bool:
        """Whether a guardrail is enforced anywhere."""
        with self._lock:
            return any(kept.guardrail.arn == arn for kept in self._configurations.values())

    def _put(self, call: Call) -> Members:
        place = (call.account, call.region)
        wanted: Mapping[str, Any] = call.params["guardrailInferenceConfig"]
        identifier, version = wanted["guardrailIdentifier"], wanted["guardrailVersion"]
        parsed = parse_guardrail_arn(identifier)
        if version == DRAFT:
            raise invalid("A numbered version of the guardrail is needed.")
        if parsed is not None and parsed[0] != place:
            raise invalid("An account enforces a guardrail of its own.")
        guardrail = self._find(place, identifier, version)
        if guardrail is None:
            raise not_found("The guardrail was not found.")
        now, who = self._clock(), call.caller.arn
        with self._lock:
            kept = self._configurations.get(place)
            named = call.params.get("configId")
            if named and (kept is None or kept.id != named):
                raise not_found("The configuration was not found.")
            made = Enforced(
                id=kept.id if kept is not None else secrets.token_hex(6),
                guardrail=guardrail,
                selective=wanted.get("selectiveContentGuarding"),
                models=wanted.get("modelEnforcement"),
                created=kept.created if kept is not None else now,
                created_by=kept.created_by if kept is not None else who,
                updated=now,
                updated_by=who,
            )
            self._configurations[place] = made
        return {"configId": made.id, "updatedAt": now, "updatedBy": who}

    def _list(self, call: Call) -> Members:
        with self._lock:
            kept = self._configurations.get((call.account, call.region))
        if kept is None:
            return {"guardrailsConfig": []}
        members: Members = {
            "configId": kept.id,
            "guardrailArn": kept.guardrail.arn,
            "guardrailId": kept.guardrail.id,
            "guardrailVersion": kept.guardrail.version,
            "createdAt": kept.created,
            "createdBy": kept.created_by,
            "updatedAt": kept.updated,
            "updatedBy": kept.updated_by,
            "owner": "ACCOUNT",
        }
        if kept.selective:
            members["selectiveContentGuarding"] = kept.selective
        if kept.models:
            members["modelEnforcement"] = kept.models
        return {"guardrailsConfig": [members]}

    def _delete(self, call: Call) -> Members:
        place = (call.account, call.region)
        with self._lock:
            kept = self._configurations.get(place)
            if kept is None or kept.id != call.params["configId"]:
                raise not_found("The configuration was not found.")
            del self._configurations[place]
        return {}
