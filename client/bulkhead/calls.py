"""What every call of a model client passes through: quota, silence, errors without content.

A base class that botocore's own `creating-client-class` event lets us add, so that LangChain and
boto3 calls take the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from botocore.eventstream import EventStream
from botocore.exceptions import ClientError, ParamValidationError

from bulkhead import leaks, usage
from bulkhead._quiet import quiet_botocore
from bulkhead.errors import (
    BulkheadError,
    ClosedError,
    InvalidRequestError,
    RequestRefusedError,
)
from bulkhead.quota import Quota, Reservation
from bulkhead.walls import Walls

_EXPIRED = ("ExpiredTokenException", "ExpiredToken")
# How botocore's reports begin; what follows quotes the value.
_PROBLEM = re.compile(
    r"(?P<kind>Missing required parameter in|Unknown parameter in|Invalid type for parameter|"
    r"Invalid length for parameter|Invalid range for parameter|Invalid value for parameter|"
    r"Invalid parameter) (?P<member>[A-Za-z]{1,64})?"
)

# Methods that are given prompts.
_PROMPTED = ("apply_guardrail", "converse", "count_tokens", "invoke_", "start_async_invoke")
_NONE = Reservation(None, 0)
Make = Callable[[str, dict[str, Any]], Any]


class Calls:
    """The way through for the clients of one model session.

    model_of  the model id behind what a call names as `modelId`; None if it is not known
    discard   called with the access key id of a session that AWS says has ended
    quota     set where the customer's configuration has limits
    closed    set once nobody records calls any more: they are refused
    """

    def __init__(
        self,
        walls: Walls,
        *,
        model_of: Callable[[object], str | None] = lambda _: None,
        quota: Quota | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._walls = walls
        self._model_of = model_of
        self._quota = quota
        self._ended = ended
        self.closed = False

    def refuse_closed(self, **_: Any) -> None:
        """Raise ClosedError once closed. Also a botocore `before-send` hook.

        A call that comes this far before closing has been noted, so that closing records it.
        """
        if self.closed:
            raise ClosedError(
                "this client has been closed and would leave no record of the call; "
                "it was not sent. Close later, or make another Bulkhead"
            )

    def add_to(self, **event: Any) -> None:
        """A botocore `creating-client-class` hook."""
        calls = self
        made = {
            name: method
            for name, method in event["class_attributes"].items()
            if name.startswith(_PROMPTED)
        }

        class Walled:
            def _make_api_call(self, operation_name: str, api_params: dict[str, Any]) -> Any:
                make: Make = super()._make_api_call  # type: ignore[misc]
                try:
                    leaks.refuse_wrapped_methods(self, made, calls._walls.allow)
                    return calls.call(make, operation_name, api_params)
                finally:
                    del api_params  # the prompt, which a kept frame would keep

        event["base_classes"].insert(0, Walled)

    @staticmethod
    def sign_no_urls(**event: Any) -> None:
        """A botocore `creating-client-class` hook, to be the last: botocore adds that method late.

        Whoever has such a URL calls past all walls and without a record, and it holds the prompt.
        """
        event["class_attributes"]["generate_presigned_url"] = _presign

    def call(self, make: Make, operation: str, params: dict[str, Any]) -> Any:
        """Make one call.

        Raises what botocore raises, but InvalidRequestError for parameters that do not fit;
        ClosedError, LeakError and QuotaError before anything is sent.
        """
        try:
            return self._call(make, operation, params)
        except BulkheadError as error:
            ours = error
        finally:
            del params  # a kept frame of ours keeps no prompt
        # Raised outside the except block, without causes and without botocore's frames: neither
        # its error, which quotes the prompt, nor what it was about to send comes along.
        ours.__cause__ = ours.__context__ = None
        raise ours.with_traceback(None)

    def _call(self, make: Make, operation: str, params: dict[str, Any]) -> Any:
        reservation = _NONE
        try:
            self.refuse_closed()
            leaks.refuse_transport(self._walls.allow)
            reservation = self._reserve(operation, params)
            with self.silence():
                answer = make(operation, params)
        except BulkheadError:  # nothing was sent
            reservation.cancel()
            raise
        except ParamValidationError as error:
            reservation.cancel()
            raise InvalidRequestError(_without_values(operation, error)) from None
        except ClientError as error:
            reservation.cancel()  # refused, throttled or broken: Bedrock gives the tokens back
            if error.response.get("Error", {}).get("Code") in _EXPIRED:
                self._ended()
            raise
        finally:
            del params
        # Any other failure may have reached Bedrock: its tokens stay charged until they flow back.
        self._settle(answer, reservation)
        return answer

    def silence(self) -> AbstractContextManager[None]:
        """Where botocore's DEBUG records would show prompts and answers, they are dropped."""
        return nullcontext() if "debug-logs" in self._walls.allow else quiet_botocore()

    def _reserve(self, operation: str, params: dict[str, Any]) -> Reservation:
        quota = self._quota
        model = self._model_of(params.get("modelId")) if operation in usage.METERED else None
        if quota is None or model is None or not quota.limits(model):
            return _NONE
        read = getattr(params.get("body"), "read", None)
        if read is not None:
            params["body"] = read()
        tokens, most = usage.asked(operation, params)
        return quota.admit(model, tokens, most)

    def _settle(self, answer: Any, reservation: Reservation) -> None:
        if not isinstance(answer, dict):
            return
        streams = False
        for value in answer.values():
            if isinstance(value, EventStream):
                self._follow(value, reservation)
                streams = True
        if reservation.held and not streams:
            used = usage.of_answer(answer)
            if used is not None:
                reservation.settle(used.input, used.output, used.cache_write)

    def _follow(self, stream: EventStream[Any], reservation: Reservation) -> None:
        """Keep silence while a stream is read, and settle when its usage comes by."""
        parse = stream._parse_event  # type: ignore[attr-defined]

        def parse_event(event: Any) -> Any:
            try:
                with self.silence():
                    parsed = parse(event)
            finally:
                del event  # an answer's, in a frame that is kept
            used = usage.of_event(parsed) if reservation.held else None
            if used is not None:
                reservation.settle(used.input, used.output, used.cache_write)
            return parsed

        stream._parse_event = parse_event  # type: ignore[attr-defined]


def _presign(client: Any, *_: Any, **__: Any) -> str:
    del _, __  # a prompt, which a kept frame would keep
    raise RequestRefusedError(
        f"{type(client).__name__} signs no URLs: a call by one would go past the walls and leave "
        "no record; call the client's own methods"
    )


def _without_values(operation: str, error: ParamValidationError) -> str:
    """The first problem of a report, by the member it is in; never a value or an inner name."""
    found = _PROBLEM.match(str(error.kwargs.get("report", "")))
    if found is None:
        return f"{operation}: a parameter does not fit"
    where = found["member"] or "input"
    return f"{operation}: {found['kind']} {where} (values are not shown)"
