"""Makes the record of a call: facts, context, counters, cost and the metric block.

`fields` says what each member means; everything here runs on the writer's background thread.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from bulkhead import emf
from bulkhead._ids import new_id
from bulkhead.exchange import ERROR, SUCCESS, Exchange
from bulkhead.facts import Facts, identifier, is_throttle
from bulkhead.prices import PriceTable

SCHEMA_VERSION = "1.0"
CALL, CONTENT = "call", "content"
_TARGETS = 256  # what an application calls: a few models

Item = Mapping[str, object] | Callable[[], Iterable[Mapping[str, object]]]
# `LogWriter.put`, or anything like it.
Sink = Callable[[Item, int], object]

_TOKENS = {
    "output": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_5m": "bulkhead.usage.cache_creation_5m.input_tokens",
    "cache_write_1h": "bulkhead.usage.cache_creation_1h.input_tokens",
}


def timestamp(milliseconds: int) -> str:
    """Return a time as records write it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def report_unmade(sink: Sink) -> None:
    """Have a writer count, and report, a record that could not be made. Never raises."""
    with contextlib.suppress(Exception):
        sink(_unmade, time.time_ns() // 1_000_000)


def _unmade() -> Iterable[Mapping[str, object]]:
    raise ValueError("the record could not be made")


class RecordMaker:
    """Makes records that bear the same context.

    context  fields of every record: customer, account, Region, application
    models   the ARN of an inference profile (AIP) to the model that it stands for
    prices   for the cost; none by default
    """

    def __init__(
        self,
        context: Mapping[str, str] | None = None,
        models: Mapping[str, str] | None = None,
        prices: PriceTable | None = None,
    ) -> None:
        self.context = dict(context or {})
        self._models = dict(models or {})
        self._prices = prices or PriceTable.empty()
        self._targets: dict[tuple[str | None, str | None], Facts] = {}

    def model(self, target: str | None) -> str:
        """Return the model that a `modelId` stands for, as far as the configuration tells."""
        return str(self.target(target).get("gen_ai.request.model") or "")

    def target(self, target: str | None, named: object = None) -> Facts:
        """Return the model and the AIP of a call; `named` is what LangChain calls the model."""
        key = (target, named if isinstance(named, str) else None)
        found = self._targets.get(key)
        if found is None:
            if len(self._targets) >= _TARGETS:
                self._targets.clear()
            found = self._targets[key] = self._facts_of_target(*key)
        return found.copy()

    def _facts_of_target(self, target: str | None, named: str | None) -> Facts:
        if target is None:
            return {"gen_ai.request.model": identifier(named)}
        model = self._models.get(target)
        facts: Facts = {}
        if ":application-inference-profile/" in target:
            facts["bulkhead.inference_profile.arn"] = identifier(target)
            model = model or identifier(named)
        elif model is None:
            model = target.rpartition("/")[2] if target.startswith("arn:") else target
        facts["gen_ai.request.model"] = identifier(model)
        return facts

    def direct(self, exchange: Exchange, ended_ms: int, ident: str | None = None) -> Facts:
        """Return the record of a call that the application made itself."""
        facts = {
            "bulkhead.source": "boto3",
            "gen_ai.operation.name": "generate_content",  # where the request could not be read
            **self.target(exchange.target),
            **exchange.facts.copy(),
            **exchange.timings(),
        }
        return self.make(exchange.status or ERROR, facts, ended_ms, ident)

    def make(
        self, status: str, facts: Mapping[str, object], ended_ms: int, ident: str | None = None
    ) -> Facts:
        """Return a finished record; facts that are not known are left out."""
        called = not facts.get("bulkhead.cache_hit")
        record: Facts = {
            "bulkhead.schema.version": SCHEMA_VERSION,
            "bulkhead.record.type": CALL,
            "bulkhead.record.id": ident or new_id(),
            "timestamp": timestamp(ended_ms),
            "bulkhead.status": status,
            "gen_ai.provider.name": "aws.bedrock",
            **self.context,
            **{key: value for key, value in facts.items() if value is not None},
        }
        if status == SUCCESS and "gen_ai.request.model" in record:
            # Bedrock answers with the model that was asked for; few answers repeat its name.
            record.setdefault("gen_ai.response.model", record["gen_ai.request.model"])
        if called:
            failed = status == ERROR
            record["bulkhead.calls"] = 1
            record["bulkhead.errors"] = int(failed)
            record["bulkhead.throttles"] = int(failed and is_throttle(record))
            record["_aws"] = emf.block(record, ended_ms)
        cost = self._cost(record) if called else 0.0
        if cost is not None:
            record["bulkhead.cost.usd"] = cost
            if called:
                record["bulkhead.cost.prices_as_of"] = self._prices.as_of
        return record

    def _cost(self, record: Mapping[str, object]) -> float | None:
        """List prices hold on demand, in the default tier, and for a call whose tokens are told."""
        if record.get("bulkhead.service.tier") not in (None, "default"):
            return None
        if record.get("bulkhead.service.latency_mode") not in (None, "standard"):
            return None
        model, region = record.get("gen_ai.request.model"), record.get("cloud.region")
        whole = record.get("gen_ai.usage.input_tokens")
        if not isinstance(whole, int) or not isinstance(model, str):
            return None
        used = {kind: _int(record.get(name)) for kind, name in _TOKENS.items()}
        embeds = record.get("gen_ai.operation.name") == "embeddings"
        if record.get(_TOKENS["output"]) is None and not embeds:
            return None
        used["input"] = max(
            0, whole - used["cache_read"] - used["cache_write_5m"] - used["cache_write_1h"]
        )
        return self._prices.cost(model, str(region), used)


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
