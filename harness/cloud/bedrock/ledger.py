"""What every call of a model leaves, in whatever form it came: a record and datapoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.cloud.bedrock.invocation_log import Exchange, InvocationLog
from harness.cloud.bedrock.metrics import Metrics
from harness.cloud.call import ApiError, Call


class Ledger:
    """Writes to the invocation log, where it is on, and to the metrics of the call's account.

    A call is one with a `modelId` among its parameters.
    """

    def __init__(self, log: InvocationLog, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def finished(
        self,
        call: Call,
        exchange: Exchange,
        latency_ms: int,
        *,
        cache_read: int = 0,
        cache_write: int = 0,
    ) -> None:
        """A call that a model has answered, with the tokens that the prompt cache gave and took."""
        self._log.record(call, exchange)
        self._metrics.invoked(
            (call.account, call.region),
            str(call.params["modelId"]),
            {
                "Invocations": 1,
                "InvocationLatency": latency_ms,
                "InputTokenCount": exchange.input_tokens,
                "OutputTokenCount": exchange.output_tokens,
                "CacheReadInputTokenCount": cache_read,
                "CacheWriteInputTokenCount": cache_write,
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
