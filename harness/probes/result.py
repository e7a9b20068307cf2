"""The record of one probe, and the recorder that a test writes its probes with.

A result is plain data: it travels from xdist workers as JSON and is all that reports ever see. It
holds neither an external id nor a prompt.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from harness.probes.evidence import (
    Answer,
    Denial,
    Judgment,
    Outcome,
    Refusal,
    Verdict,
    ask,
    judge_allowed,
    judge_denial,
)
from harness.targets.wiretap import HIDDEN, Exchange, listening

REDACTED = "[redacted]"


class Asker(Protocol):
    """Who makes a probed call; see `harness.probes.cast.Actor`."""

    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def arn(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Result:
    """One probe: who asked for what, what the design requires, what was seen, what that proves."""

    probe: str
    """Which kind of probe, such as `assume-role`; mutants name the kinds that must notice them."""
    rows: tuple[str, ...]
    """The rows of the attack catalogue that this probe answers."""
    claim: str
    principal: str
    principal_kind: str
    principal_arn: str
    action: str
    resource: str
    """Label of the thing asked for."""
    resource_arn: str
    expected: str
    observed: str
    verdict: Verdict
    message: str
    evidence: str = ""
    """What the probe accepts as proof."""
    twin: str = ""
    """What the same session's call that must succeed answered."""
    matrix: bool = False
    """Whether the result is a cell of the trust matrix (principal against fleet role)."""
    request: Mapping[str, Any] | None = None
    """`service`, `operation`, `region` and `parameters`, without content and secrets; None where
    something was read that more than one call tells: see `reads`."""
    answer: Mapping[str, Any] | None = None
    """`status`, `code` and `request_id`."""
    decision: Mapping[str, Any] | None = None
    """What the target decided, and by which statements (see `Target.explain`)."""
    reads: Mapping[str, Any] | None = None
    """Where there is no one request: the `calls` that were read, the `places` that were searched,
    or a `note` that says why there are neither."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "rows": list(self.rows), "verdict": str(self.verdict)}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a probe is about, shared by all verdicts on it."""

    probe: str
    rows: tuple[str, ...]
    claim: str
    who: Asker
    action: str
    resource: str
    arns: tuple[str, ...]
    """The ARNs that a refusal may name for the resource; the first identifies it."""
    matrix: bool = False


Place = Callable[[Mapping[str, Any]], Mapping[str, Any]]
LISTED = 12
"""With more different calls than this, they are counted by operation."""


def _as_it_is(decision: Mapping[str, Any]) -> Mapping[str, Any]:
    return decision


class Recorder:
    """Judges the probes of one test and keeps their results.

    `secrets` are texts (external ids, canaries) that must not reach a result, whatever a service
    answers. `place` adds to a decision where its statements stand. `heard` fills with the calls
    that the test makes beside those that are judged. `watch` is told of each result, and what it
    raises ends the test. `patience` are the seconds within which what was made or changed is seen
    everywhere: until then a refusal of what must succeed is asked again, and a denial counts only
    if it still is one after its twin has succeeded.
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        place: Place = _as_it_is,
        heard: Sequence[Exchange] = (),
        watch: Callable[[Mapping[str, Any]], None] | None = None,
        patience: float = 0.0,
        pause: float = 2.0,
    ) -> None:
        self.results: list[Result] = []
        self._place = place
        self._heard = heard
        self._watch = watch
        self._patience = patience
        self._pause = pause
        self._past = 0
        self._last_read: list[dict[str, Any]] = []
        self._secrets = {secret for secret in secrets if secret}

    def hide(self, secret: str) -> None:
        """Keep one more text out of every later result."""
        self._secrets.add(secret)

    def denied(
        self,
        subject: Subject,
        call: Callable[[], object],
        *,
        twin: Callable[[], object],
        user: str = "",
        bare: bool = False,
    ) -> Answer:
        """The call must be refused for its action and resource; `twin`, a call of the same session,
        must succeed. `user` is the caller's ARN as the service should name it."""
        expected = Denial(subject.action, subject.arns, user=user or subject.who.arn, bare=bare)
        answer, exchange = self._listen(call)
        if self._patience and answer.outcome is Outcome.DENIED:
            # It may have come of a role or policy that is not seen everywhere yet: its twin first.
            beside, other = self._until_allowed(twin)
            answer, exchange = self._listen(call)
        else:
            beside, other = self._listen(twin)
        judgment = judge_denial(expected, answer, beside)
        observed = answer.observed
        named = _twin(beside, other)
        self._add(subject, Outcome.DENIED, observed, judgment, str(expected), named, exchange)
        return answer

    def refused(
        self,
        subject: Subject,
        call: Callable[[], object],
        *,
        code: str,
        says: str,
        twin: Callable[[], object],
    ) -> Answer:
        """The call must fail with an error that is not an authorization's; `twin`, a call of the
        same session, must succeed."""
        answer, exchange = self._listen(call)
        beside, other = self._listen(twin)
        expected = Refusal(code, says)
        judgment = judge_denial(expected, answer, beside)
        observed = "refused" if expected.accepts(answer) else answer.observed
        named = _twin(beside, other)
        self._add(subject, "refused", observed, judgment, str(expected), named, exchange)
        return answer

    def allowed(self, subject: Subject, call: Callable[[], object]) -> Answer:
        """The call must succeed."""
        answer, exchange = self._until_allowed(call)
        self._add(
            subject,
            Outcome.ALLOWED,
            answer.observed,
            judge_allowed(answer),
            "the call succeeds",
            exchange=exchange,
        )
        return answer

    def unaddressable(self, subject: Subject, *, members: Sequence[str], foreign: str) -> None:
        """The operation takes only `members`, none of which can name `foreign`'s resource."""
        self._add(
            subject,
            "unaddressable",
            "unaddressable",
            Judgment(
                Verdict.UNADDRESSABLE,
                f"the request has no member that can name {foreign}: {', '.join(members)}",
            ),
            "the API cannot name the resource",
            reads=_reads(note=f"No request was made: none can name {foreign}."),
        )

    def state(
        self,
        subject: Subject,
        *,
        expected: str,
        observed: str,
        holds: bool | None,
        why: str,
        places: Sequence[str] = (),
        note: str = "",
        evidence: str = "what the APIs show",
    ) -> None:
        """A fact that was read, or follows (`evidence` says how) from what was read: it holds, it
        does not, or (None) it could not be established.

        It was read from the calls since the last result (those of that result, if none were made
        since), from `places` that were searched, or from what `note` says."""
        verdict = {True: Verdict.HELD, False: Verdict.BROKEN, None: Verdict.NO_EVIDENCE}[holds]
        if places or note:
            reads = _reads(places=places, note=note)
        else:
            self._last_read = _summed(self._heard[self._past :]) or self._last_read
            unread = "No call was made: what is compared was known before."
            reads = _reads(self._last_read, note="" if self._last_read else unread)
        judgment = Judgment(verdict, why)
        self._add(subject, expected, observed, judgment, evidence, reads=reads)

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if not result.verdict.good]

    def _add(
        self,
        subject: Subject,
        expected: str,
        observed: str,
        judgment: Judgment,
        evidence: str,
        twin: str = "",
        exchange: Exchange | None = None,
        reads: Mapping[str, Any] | None = None,
    ) -> None:
        self._past = len(self._heard)
        request = answer = decision = None
        if exchange is not None:
            request = {
                "service": exchange.service,
                "operation": exchange.operation,
                "region": exchange.region,
                "parameters": self._clean_all(exchange.parameters),
            }
            answer = {
                "status": exchange.status,
                "code": exchange.code,
                "request_id": exchange.request_id,
            }
            # Whoever answered is asked: a copy of the cloud knows what the original does not.
            if exchange.explain is not None and exchange.request_id:
                decision = exchange.explain(exchange.request_id)
        elif reads is None:
            reads = _reads(note="The call ended before a request was sent.")
        self.results.append(
            Result(
                probe=subject.probe,
                rows=subject.rows,
                claim=subject.claim,
                principal=subject.who.label,
                principal_kind=subject.who.kind,
                principal_arn=subject.who.arn,
                action=subject.action,
                resource=subject.resource,
                resource_arn=subject.arns[0] if subject.arns else "",
                expected=str(expected),
                observed=str(observed),
                verdict=judgment.verdict,
                message=self._clean(judgment.why),
                evidence=evidence,
                twin=self._clean(twin),
                matrix=subject.matrix,
                request=request,
                answer=answer,
                decision=None if decision is None else self._clean_all(self._place(decision)),
                reads=None if reads is None else self._clean_all(reads),
            )
        )
        if self._watch is not None:
            self._watch(self.results[-1].as_dict())

    def _until_allowed(self, call: Callable[[], object]) -> tuple[Answer, Exchange | None]:
        """The answer, once it is no denial or patience is at its end."""
        deadline = time.monotonic() + self._patience
        while True:
            answer, exchange = self._listen(call)
            if answer.outcome is not Outcome.DENIED or time.monotonic() >= deadline:
                return answer, exchange
            time.sleep(self._pause)

    @staticmethod
    def _listen(call: Callable[[], object]) -> tuple[Answer, Exchange | None]:
        """The answer to a call, and the last exchange that it made."""
        with listening() as heard:
            answer = ask(call)
        return answer, heard[-1] if heard else None

    def _clean_all(self, value: Any) -> Any:
        """The same data without secrets."""
        if isinstance(value, Mapping):
            return {self._clean(str(k)): self._clean_all(item) for k, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean_all(item) for item in value]
        return self._clean(value) if isinstance(value, str) else value

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


def _reads(
    calls: Sequence[Mapping[str, Any]] = (), *, places: Sequence[str] = (), note: str = ""
) -> dict[str, Any]:
    return {"calls": list(calls), "places": list(places), "note": note}


def _summed(exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Equal calls once with their number; many different ones without their parameters."""

    def count(with_parameters: bool) -> list[dict[str, Any]]:
        counted: dict[str, dict[str, Any]] = {}
        for each in exchanges:
            call = {
                "service": each.service,
                "operation": each.operation,
                "region": each.region,
                "parameters": each.parameters if with_parameters else {},
                "status": each.status,
                "code": each.code,
            }
            counted.setdefault(json.dumps(call, sort_keys=True), {**call, "times": 0})["times"] += 1
        return list(counted.values())

    calls = count(with_parameters=True)
    return calls if len(calls) <= LISTED else count(with_parameters=False)


def _twin(answer: Answer, exchange: Exchange | None) -> str:
    """Which call stood beside the refused one, and what it answered."""
    if exchange is None:
        return str(answer)
    named = [
        str(value)
        for name, value in exchange.parameters.items()
        if name.lower().endswith(("arn", "id", "name", "identifier")) and value != HIDDEN
    ]
    on = f" on {named[0]}" if named else ""
    return f"{exchange.service} {exchange.operation}{on}: {answer}"


def explain(results: Iterable[Mapping[str, Any]]) -> str:
    """The failed results of one test as the text of its failure."""
    lines = []
    for result in results:
        lines.append(
            f"{result['verdict']}: {result['claim']}\n"
            f"  {result['principal']} asked for {result['action']} on {result['resource']}\n"
            f"  required: {result['expected']}; seen: {result['observed']}\n"
            f"  {result['message']}"
        )
    return "\n".join(lines)
