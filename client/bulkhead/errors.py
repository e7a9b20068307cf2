"""Every exception this library raises on its own account.

No message ever holds an external id, a key, a prompt or a completion.
"""

from __future__ import annotations


class BulkheadError(Exception):
    """Base of all errors of this library."""


class ConfigError(BulkheadError):
    """The configuration is incomplete or contradicts itself. The message names field and fix."""


class SessionError(BulkheadError):
    """The application has no credentials of its own, or could not become its fleet role."""


class AssumeRoleError(SessionError):
    """The fleet role could not be assumed: STS refused or was not reached. No model was called.

    `code` is the error code of STS ("AccessDenied", "ExpiredToken") or the name of the failure.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class DestinationError(BulkheadError):
    """Log credentials or log group are not of the customer's account. Nothing was written."""


class DestinationUnknownError(BulkheadError):
    """Whose account the log credentials are of is not known yet. Nothing was written."""


class UnknownModelError(BulkheadError, LookupError):
    """The configuration has no application inference profile for the model asked for."""
