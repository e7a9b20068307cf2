"""Guardrails at work: ApplyGuardrail, and calls of models that must pass guardrails.

A call is guarded by the guardrail that it names and by the one that its account enforces. The
trace holds the matched text and the model's own output, as on AWS: who can read it reads what the
guardrail took away.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-independent-api.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.cloud.bedrock import converse
from harness.cloud.bedrock.assess import Assessment, Source, assess
from harness.cloud.bedrock.enforcement import Enforcement
from harness.cloud.bedrock.errors import invalid, not_found
from harness.cloud.bedrock.guardrails import DRAFT, Guardrails, Version, unknown_guardrail
from harness.cloud.call import Call

_MESSAGING: Final[Mapping[Source, str]] = {
    "INPUT": "blockedInputMessaging",
    "OUTPUT": "blockedOutputsMessaging",
}
_INTERVENED: Final = "guardrail_intervened"
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Applied:
    """A guardrail that a call must pass, and why: REQUEST, ACCOUNT_ENFORCED."""

    version: Version
    origins: tuple[str, ...]
    account: str
    """The caller's."""

    def details(self) -> Members:
        own = self.version.arn.split(":")[4] == self.account
        return {
            "guardrailId": self.version.id,
            "guardrailVersion": self.version.version,
            "guardrailArn": self.version.arn,
            "guardrailOrigin": list(self.origins),
            "guardrailOwnership": "SELF" if own else "CROSS_ACCOUNT",
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all guardrails together make of some texts."""

    source: Source
    results: tuple[tuple[Applied, Assessment], ...]
    texts: tuple[str, ...]

    @property
    def message(self) -> str | None:
        """What to answer instead, of the first guardrail that blocks."""
        for applied, found in self.results:
            if found.blocked:
                return str(applied.version.config[_MESSAGING[self.source]])
        return None

    @property
    def intervened(self) -> bool:
        return any(found.intervened for _, found in self.results)

    def assessments(self, *, full: bool) -> dict[str, Members]:
        """By the guardrail's id."""
        return {
            applied.version.id: {
                **found.members(full=full),
                "appliedGuardrailDetails": applied.details(),
            }
            for applied, found in self.results
        }


def check(guards: Sequence[Applied], source: Source, texts: Sequence[str]) -> Verdict:
    """Sends texts through the guardrails one after the other."""
    results, rest = [], tuple(texts)
    for applied in guards:
        found = assess(applied.version.config, source, rest)
        results.append((applied, found))
        rest = found.texts
    return Verdict(source, tuple(results), rest)


class Guards:
    """Finds and applies the guardrails of calls."""

    def __init__(self, guardrails: Guardrails, enforcement: Enforcement) -> None:
        self._guardrails = guardrails
        self._enforcement = enforcement
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "ApplyGuardrail": self._apply,
        }

    def of(self, call: Call, model_id: str) -> tuple[Applied, ...]:
        """The guardrails that a call of a model must pass.

        `guardrailIdentifier` and `guardrailVersion` stand in `guardrailConfig` or, for InvokeModel,
        in the parameters themselves. Raises `ApiError` for one that is not there.
        """
        place = (call.account, call.region)
        named: Mapping[str, Any] = call.params.get("guardrailConfig") or call.params
        found: list[Applied] = []
        identifier = named.get("guardrailIdentifier")
        if identifier:
            version = str(named.get("guardrailVersion") or DRAFT)
            own = self._guardrails.find(place, str(identifier), version)
            if own is None:
                raise unknown_guardrail()
            found.append(Applied(own, ("REQUEST",), call.account))
        enforced = self._enforcement.of(place, model_id)
        if enforced is not None:
            if found and found[0].version == enforced:
                return (replace(found[0], origins=("REQUEST", "ACCOUNT_ENFORCED")),)
            found.append(Applied(enforced, ("ACCOUNT_ENFORCED",), call.account))
        return tuple(found)

    def converse(
        self,
        guards: tuple[Applied, ...],
        params: Mapping[str, Any],
        answer: Callable[[Mapping[str, Any]], converse.Reply],
    ) -> converse.Reply:
        """The reply of `answer` to Converse's `params`, as the guardrails let it through.

        A stream with `streamProcessingMode` async is not held back and not masked: only its end
        tells that a guardrail intervened, as AWS warns.
        """
        if not guards:
            return answer(params)
        config: Mapping[str, Any] = params.get("guardrailConfig") or {}
        wanted = str(config.get("trace") or "disabled")
        places = list(_guarded(params))
        asked = check(guards, "INPUT", [text for _, text in places])
        if asked.message is not None:
            blocked = _said(asked.message, params)
            return _told(blocked, wanted, asked=asked)
        # What is anonymized does not reach the model.
        written = _rewritten(params, dict(zip((p for p, _ in places), asked.texts, strict=True)))
        reply = answer(written)
        texts = [str(block["text"]) for block in reply.content if "text" in block]
        answered = check(guards, "OUTPUT", texts)
        own = tuple(texts)
        if answered.intervened:
            if config.get("streamProcessingMode") == "async":
                reply = replace(reply, stop_reason=_INTERVENED)
            elif answered.message is not None:
                reply = replace(
                    reply, content=({"text": answered.message},), stop_reason=_INTERVENED
                )
            else:
                rest = iter(answered.texts)
                content = tuple(
                    {"text": next(rest)} if "text" in block else block for block in reply.content
                )
                reply = replace(reply, content=content, stop_reason=_INTERVENED)
        return _told(reply, wanted, asked=asked, answered=answered, own=own)

    def _apply(self, call: Call) -> Members:
        params = call.params
        version = self._guardrails.find(
            (call.account, call.region),
            str(params["guardrailIdentifier"]),
            str(params["guardrailVersion"]),
        )
        if version is None:
            raise not_found(
                "The guardrail identifier or version provided in the request does not exist."
            )
        source: Source = params["source"]
        if source not in _MESSAGING:
            raise invalid("source is INPUT or OUTPUT.")
        if any("text" not in block for block in params["content"]):
            raise invalid("The guardrail looks at text only.")
        texts = [str(block["text"]["text"]) for block in params["content"]]
        applied = Applied(version, ("REQUEST",), call.account)
        verdict = check((applied,), source, texts)
        ((_, found),) = verdict.results
        full = params.get("outputScope") == "FULL"
        outputs: list[Members] = []
        if verdict.message is not None:
            outputs = [{"text": verdict.message}]
        elif found.anonymized:
            outputs = [{"text": text} for text in verdict.texts]
        members: Members = {
            "usage": found.usage,
            "action": "GUARDRAIL_INTERVENED" if found.intervened else "NONE",
            "outputs": outputs,
            "assessments": list(verdict.assessments(full=full).values()),
            "guardrailCoverage": found.coverage,
        }
        return {**members, **_reason(verdict)}


Path = tuple[str | int, ...]
"""Where a text stands in the parameters."""


def _guarded(params: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The texts to look at: those in `guardContent`, or all of the messages where there is none."""
    found = list(_texts(params))
    marked = [(path, text) for path, text in found if "guardContent" in path]
    if marked:
        yield from marked
    else:
        yield from ((path, text) for path, text in found if path[0] == "messages")


def _texts(params: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for number, block in enumerate(params.get("system") or ()):
        yield from _block(("system", number), block)
    for number, message in enumerate(params.get("messages") or ()):
        for position, block in enumerate(message.get("content") or ()):
            yield from _block(("messages", number, "content", position), block)


def _block(path: Path, block: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if "text" in block:
        yield (*path, "text"), str(block["text"])
    if "guardContent" in block and "text" in block["guardContent"]:
        yield (*path, "guardContent", "text", "text"), str(block["guardContent"]["text"]["text"])


def _rewritten(value: Any, texts: Mapping[Path, str], path: Path = ()) -> Any:
    """The parameters with other texts at the paths."""
    if path in texts:
        return texts[path]
    if isinstance(value, Mapping):
        return {key: _rewritten(part, texts, (*path, key)) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rewritten(part, texts, (*path, index)) for index, part in enumerate(value)]
    return value


def _said(message: str, params: Mapping[str, Any]) -> converse.Reply:
    """The reply to a blocked prompt: no model was asked, no token used."""
    return converse.Reply(
        content=({"text": message},),
        stop_reason=_INTERVENED,
        input_tokens=0,
        output_tokens=0,
        latency_ms=100,
        echo={key: params[key] for key in ("performanceConfig", "serviceTier") if params.get(key)},
    )


def _told(
    reply: converse.Reply,
    wanted: str,
    *,
    asked: Verdict,
    answered: Verdict | None = None,
    own: tuple[str, ...] = (),
) -> converse.Reply:
    """The reply with the trace that the request wants."""
    if wanted == "disabled":
        return reply
    full = wanted == "enabled_full"
    trace: Members = {"inputAssessment": asked.assessments(full=full), **_reason(asked)}
    if answered is not None:
        found = answered.assessments(full=full)
        trace["outputAssessments"] = {identifier: [one] for identifier, one in found.items()}
        trace["modelOutput"] = list(own)
        trace |= _reason(answered)
    return replace(reply, echo={**reply.echo, "trace": {"guardrail": trace}})


def _reason(verdict: Verdict) -> dict[str, str]:
    if not verdict.intervened:
        return {}
    blocked = verdict.message is not None
    return {"actionReason": "Guardrail blocked." if blocked else "Guardrail masked."}
