"""Calls of models: Converse, InvokeModel, their streams, and CountTokens.

Whatever the form of a call, it takes from the model's quota, passes the guardrails, uses the
account's prompt cache, is logged and counted; the same prompt gets the same answer.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from harness.cloud.bedrock import attachments, converse, input_tags, tokens
from harness.cloud.bedrock.bodies import dialect_of, embed
from harness.cloud.bedrock.bodies.dialect import malformed
from harness.cloud.bedrock.cache import PromptCache
from harness.cloud.bedrock.errors import invalid, invalid_model
from harness.cloud.bedrock.guarded import Guards
from harness.cloud.bedrock.invocation_log import Exchange
from harness.cloud.bedrock.ledger import Ledger, values_of
from harness.cloud.bedrock.models import FOUNDATION_MODELS, FoundationModel, parse_model_arn
from harness.cloud.bedrock.profiles import Place
from harness.cloud.bedrock.quotas import Quotas, Reservation, spent
from harness.cloud.bedrock.resolve import Target
from harness.cloud.bedrock.shapes import validate
from harness.cloud.call import Answer, ApiError, Call, EventStream, ServiceRole

OPERATIONS: Final = frozenset(
    {
        *("Converse", "ConverseStream", "CountTokens"),
        *("InvokeModel", "InvokeModelWithResponseStream"),
    }
)
_NOT_IN_BODY: Final = frozenset({"modelId", "requestMetadata"})
_METRICS: Final = "amazon-bedrock-invocationMetrics"
_TIERS: Final = ("default", "flex", "priority", "reserved")
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Done:
    """A call that a model has answered."""

    call: Call
    exchange: Exchange
    latency_ms: int
    values: Mapping[str, float]
    """Further datapoints of its metrics."""


class Runtime:
    """Answers calls of models. `target` says what a call's `modelId` names."""

    def __init__(
        self,
        target: Callable[[Place, str], Target],
        guards: Guards,
        ledger: Ledger,
        cache: PromptCache,
        quotas: Quotas,
        service_role: ServiceRole,
    ) -> None:
        self._target = target
        self._guards = guards
        self._ledger = ledger
        self._cache = cache
        self._quotas = quotas
        self._service_role = service_role

    def answer(self, call: Call) -> Answer | EventStream:
        """The answer to an authorized call of one of `OPERATIONS`. Raises `ApiError`."""
        if call.operation == "CountTokens":
            validate(call.service, call.operation, call.params)
            return Answer({"inputTokens": self._count(call)})
        converses = call.operation in ("Converse", "ConverseStream")
        request: Mapping[str, Any] = {}
        try:
            validate(call.service, call.operation, call.params)
            if converses:
                request = {k: v for k, v in call.params.items() if k not in _NOT_IN_BODY}
            else:
                request = _body(call)
            _check_tier(call)
            target = self._target((call.account, call.region), call.params["modelId"])
            if not converses:
                return self._invoke(call, target, request)
            return self._converse(call, target, request)
        except ApiError as error:
            self._ledger.failed(call, request, error)
            raise

    # -- Converse ---------------------------------------------------------------------

    def _converse(
        self, call: Call, target: Target, request: Mapping[str, Any]
    ) -> Answer | EventStream:
        reply = self._reply(call, target.model, call.params)
        done = _done(call, target, request, reply.members(), reply)
        if call.operation == "Converse":
            self._finish(done)
            return Answer(reply.members())
        return EventStream(self._stream(done, reply.events()))

    def _reply(
        self, call: Call, model: FoundationModel, params: Mapping[str, Any]
    ) -> converse.Reply:
        """The reply to Converse's members, its tokens taken from the quota and the cache."""
        place = (call.account, call.region)
        params = attachments.fetched(call, params, self._service_role)
        guards = self._guards.of(call, model.id)
        wanted = (params.get("inferenceConfig") or {}).get("maxTokens") or model.max_output
        taken = self._quotas.reserve(place, model, tokens.count_input(params) + wanted)
        used = 0
        try:
            reply = self._guards.converse(
                guards, params, lambda given: converse.reply(model, given)
            )
            reply = reply.cached(self._cache.use(place, model, params))
            used = spent(model, reply)
        finally:
            self._quotas.settle(taken, used)
        return reply

    # -- InvokeModel ------------------------------------------------------------------

    def _invoke(
        self, call: Call, target: Target, request: Mapping[str, Any]
    ) -> Answer | EventStream:
        model = target.model
        streams = call.operation == "InvokeModelWithResponseStream"
        if model.outputs == ("EMBEDDING",):
            return self._embed(call, target, request, streams=streams)
        dialect = dialect_of(model)
        body, tagging = input_tags.take(
            request, guarded=bool(call.params.get("guardrailIdentifier"))
        )
        params = input_tags.marked(dialect.read(body), tagging)
        if call.params.get("trace"):
            params["guardrailConfig"] = {"trace": str(call.params["trace"]).lower()}
        validate("bedrock-runtime", "Converse", {**params, "modelId": model.id})
        if streams and tagging.stream_mode:
            config = params.get("guardrailConfig") or {}
            params["guardrailConfig"] = {**config, "streamProcessingMode": tagging.stream_mode}
        reply = self._reply(call, model, params)
        answer = dialect.write(model, reply) | _guarded(call, reply)
        done = _done(call, target, request, answer, reply)
        if not streams:
            self._finish(done)
            counts = {
                "Input-Token-Count": reply.input_tokens,
                "Output-Token-Count": reply.output_tokens,
                "Cache-Read-Input-Token-Count": reply.cache_read_tokens,
                "Cache-Write-Input-Token-Count": reply.cache_write_tokens,
                "Invocation-Latency": reply.latency_ms,
            }
            return _invoked(call, answer, counts)
        chunks = _last_counted(dialect.chunks(model, reply), reply, _guarded(call, reply))
        events = (("chunk", {"bytes": json.dumps(each).encode()}) for each in chunks)
        return EventStream(
            self._stream(done, events), {"contentType": "application/json", **_echo(call)}
        )

    def _embed(
        self, call: Call, target: Target, request: Mapping[str, Any], *, streams: bool
    ) -> Answer:
        if streams:
            raise invalid("The model is unsupported for streaming.")
        place = (call.account, call.region)
        said = tokens.count(tokens.compact_json(request))
        taken: Reservation = self._quotas.reserve(place, target.model, said)
        found = embed(target.model, request)
        self._quotas.settle(taken, found.input_tokens)
        latency = 20 + found.input_tokens // 20
        exchange = Exchange(
            request=request,
            response=found.body,
            input_tokens=found.input_tokens,
            inference_region=inference_region(target, call.region, call.request_id),
            embedding=True,
        )
        self._finish(_Done(call, exchange, latency, {"EstimatedTPMQuotaUsage": found.input_tokens}))
        counts = {"Input-Token-Count": found.input_tokens, "Invocation-Latency": latency}
        return _invoked(call, found.body, counts)

    # -- CountTokens ------------------------------------------------------------------

    def _count(self, call: Call) -> int:
        """Takes foundation models only, no profiles.

        https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html
        """
        identifier = str(call.params["modelId"])
        parsed = parse_model_arn(identifier)
        if parsed is not None and parsed[0] not in ("", call.region):
            raise invalid_model()
        model = FOUNDATION_MODELS.get(parsed[1] if parsed is not None else identifier)
        if model is None:
            raise invalid_model()
        given: Mapping[str, Any] = call.params["input"]
        if len(given) != 1:
            raise invalid("The input has to be one of converse and invokeModel.")
        if "converse" in given:
            params: Mapping[str, Any] = given["converse"]
        else:
            params = dialect_of(model).read(_object(given["invokeModel"]["body"]))
        validate("bedrock-runtime", "Converse", {**params, "modelId": model.id})
        return tokens.count_input(params)

    # -- what every call leaves -------------------------------------------------------

    def _stream(self, done: _Done, events: Iterator[converse.Event]) -> Iterator[converse.Event]:
        """The events; the record is written when they end or when nobody reads on."""

        def recorded() -> Iterator[converse.Event]:
            try:
                yield from events
            finally:
                self._finish(done)

        started = recorded()
        # A generator that never started would not run its `finally`: take the first event now.
        return chain((next(started),), started)

    def _finish(self, done: _Done) -> None:
        self._ledger.finished(done.call, done.exchange, done.latency_ms, done.values)


def inference_region(target: Target, calling: str, request_id: str) -> str | None:
    """Where a cross-region profile sent the call: picked by the request, `None` if not elsewhere.

    AWS routes by load; here the same request id always goes the same way.
    """
    if len(target.regions) <= 1:
        return None
    picked = hashlib.sha256(request_id.encode()).digest()[0] % len(target.regions)
    region = target.regions[picked]
    return None if region == calling else region


def _done(
    call: Call,
    target: Target,
    request: Mapping[str, Any],
    response: Mapping[str, Any],
    reply: converse.Reply,
) -> _Done:
    exchange = Exchange(
        request=request,
        response=response,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        inference_region=inference_region(target, call.region, call.request_id),
    )
    streamed = call.operation.endswith("Stream")
    return _Done(
        call, exchange, reply.latency_ms, values_of(target.model, reply, streamed=streamed)
    )


def _body(call: Call) -> Members:
    if call.params.get("contentType", "application/json") != "application/json":
        raise invalid("The content type must be application/json.")
    return _object(call.params.get("body") or b"")


def _object(body: Any) -> Members:
    """A JSON object from a body's bytes."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise malformed("not valid JSON") from None
    if not isinstance(parsed, dict):
        raise malformed("expected type: JSONObject")
    return parsed


def _check_tier(call: Call) -> None:
    tier = call.params.get("serviceTier")
    named = tier.get("type") if isinstance(tier, Mapping) else tier
    if named is not None and named not in _TIERS:
        raise invalid("The service tier is not one of default, flex, priority and reserved.")


def _echo(call: Call) -> dict[str, str]:
    """Headers that AWS hands back as requested."""
    wanted = ("performanceConfigLatency", "serviceTier")
    return {name: str(call.params[name]) for name in wanted if call.params.get(name)}


def _guarded(call: Call, reply: converse.Reply) -> Members:
    """What InvokeModel adds to a body when a guardrail was asked for.

    https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-input-tagging-base-inference.html
    """
    if not call.params.get("guardrailIdentifier"):
        return {}
    intervened = reply.stop_reason == "guardrail_intervened"
    added: Members = {
        "amazon-bedrock-guardrailAction": "INTERVENED" if intervened else "NONE",
    }
    if "trace" in reply.echo:
        added["amazon-bedrock-trace"] = reply.echo["trace"]
    return added


def _invoked(call: Call, body: Members, counts: Mapping[str, int]) -> Answer:
    return Answer(
        {
            "body": json.dumps(body).encode(),
            "contentType": "application/json",
            **_echo(call),
        },
        {f"X-Amzn-Bedrock-{name}": str(count) for name, count in counts.items()},
    )


def _last_counted(
    chunks: Iterator[Members], reply: converse.Reply, guarded: Members
) -> Iterator[Members]:
    """The chunks; the last one says what the call took and what a guardrail did."""
    before: Members | None = None
    for chunk in chunks:
        if before is not None:
            yield before
        before = chunk
    if before is not None:
        yield (
            before
            | guarded
            | {
                _METRICS: {
                    "inputTokenCount": reply.input_tokens,
                    "outputTokenCount": reply.output_tokens,
                    "invocationLatency": reply.latency_ms,
                    "firstByteLatency": reply.first_token_ms,
                    "cacheReadInputTokenCount": reply.cache_read_tokens,
                    "cacheWriteInputTokenCount": reply.cache_write_tokens,
                }
            }
        )
