"""Every exception this library raises on its own account.

No message ever holds an external id, a key, a prompt or a completion, and all of them can be
pickled: what crosses to another process is the message, without causes and tracebacks.
"""

from __future__ import annotations

from botocore.exceptions import ClientError, ParamValidationError


class BulkheadError(Exception):
    """Base of all errors of this library."""


class NotSentError(BulkheadError):
    """A call that was refused before anything was done for it: it is none, and has no record."""


class ConfigError(BulkheadError):
    """The configuration is incomplete or contradicts itself. The message names field and fix."""


class EndpointError(ConfigError):
    """Something other than the code or the configuration names the address that calls go to."""


class SessionError(BulkheadError):
    """The application has no credentials of its own, or could not become its fleet role."""


class AssumeRoleError(SessionError):
    """The fleet role could not be assumed: STS refused or was not reached. No model was called.

    `code` is the error code of STS ("AccessDenied", "ExpiredToken") or the name of the failure.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.code)


class DestinationError(BulkheadError):
    """Log credentials or log group are not of the customer's account. Nothing was written."""


class DestinationUnknownError(BulkheadError):
    """Whose account the log credentials are of is not known yet. Nothing was written."""


class UnknownModelError(BulkheadError, LookupError):
    """The configuration has no application inference profile for the model asked for."""


class RequestRefusedError(BulkheadError):
    """A request was about to leave with other keys, or for another place. It was not sent."""


class ClosedError(NotSentError):
    """A model was called after closing, when no record could be kept any more. It was not sent."""


class InvalidRequestError(NotSentError, ParamValidationError):
    """A call's parameters do not fit the operation; botocore's own text would quote them."""

    def __init__(self, report: str) -> None:
        ParamValidationError.__init__(self, report=report)


class LeakError(NotSentError):
    """Something in this process would carry prompts elsewhere, and was not allowed by name."""


class SaltError(NotSentError):
    """A prompt asks for caching in a way that cannot be kept apart from other customers'."""


class QuotaError(NotSentError):
    """The customer's own quota has no room for a call. Nothing was sent.

    model        the model's id
    needed       tokens that the call reserves (0 if requests are what is short)
    retry_after  seconds after which there would be room; None if there never will be
    """

    def __init__(
        self, message: str, *, model: str, needed: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.model = model
        self.needed = needed
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        return _quota_error, (str(self), self.model, self.needed, self.retry_after)


def _quota_error(message: str, model: str, needed: int, retry_after: float | None) -> QuotaError:
    return QuotaError(message, model=model, needed=needed, retry_after=retry_after)


def not_sent(error: BaseException) -> bool:
    """Whether a call ended so because it was refused before anything left; also if wrapped."""
    return any(
        isinstance(each, NotSentError | ParamValidationError) for each in (error, error.__cause__)
    )


def code_of(error: BaseException) -> str:
    """Return the AWS error code of a ClientError, else the class name; never the text."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code")
        if code:
            return str(code)
    return type(error).__name__
