"""The errors that Bedrock answers with, in its words."""

from __future__ import annotations

from harness.cloud.call import ApiError


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message, 400)


def invalid_model() -> ApiError:
    """For every model identifier that names nothing."""
    return invalid("The provided model identifier is invalid.")


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message, 400)


def unfit(value: object, field: str, rule: str) -> ApiError:
    """The message of the service framework for a member that breaks a constraint."""
    return invalid(
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy "
        f"constraint: {rule}"
    )
