"""What every call of a model leaves, in whatever form it came: a record and datapoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.cloud.bedrock.converse import Reply
from harness.cloud.bedrock.invocation_log import Exchange, InvocationLog
from harness.cloud.bedrock.metrics import Metrics
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.quotas import spent
from harness.cloud.call import ApiError, Call


def values_of(model: FoundationModel, reply: Reply, *, streamed: bool) -> dict[str, float]:
    """The datapoints of a reply besides its tokens and its latency."""
    return {
        "CacheReadInputTokenCount": reply.cache_read_tokens,
        "CacheWriteInputTokenCount": reply.cache_write_tokens,
        "EstimatedTPMQuotaUsage": spent(model, reply),
        "TimeToFirstToken": reply.first_token_ms if streamed else 0,
    }


class Ledger:
    """Writes to the invocation log, where it is on, and to the metrics of the call's account.

    A call is one with a `modelId` among its parameters.
    """

    def __init__(self, log: InvocationLog, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def finished(
        self, call: Call, exchange: Exchange, latency_ms: int, values: Mapping[str, float]
    ) -> None:
        """A call that a model has answered; `values` are further datapoints by metric name."""
        self._log.record(call, exchange)
        self._metrics.invoked(
            (call.account, call.region),
            str(call.params["modelId"]),
            {
                "Invocations": 1,
                "InvocationLatency": latency_ms,
                "InputTokenCount": exchange.input_tokens,
                "OutputTokenCount": exchange.output_tokens,
                **values,
            },
        )

    def failed(self, call: Call, request: Mapping[str, Any], error: ApiError) -> None:
        """A call that was allowed and got no answer."""
        self._log.record(call, Exchange(request, error_code=error.code))
        throttled = error.code == "ThrottlingException"
        self._metrics.invoked(
            (call.account, call.region),
            str(call.params.get("modelId") or ""),
            {"InvocationThrottles" if throttled else "InvocationClientErrors": 1},
        )
