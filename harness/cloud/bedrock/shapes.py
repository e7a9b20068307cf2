"""Checks parameters against the services' own models."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError, ServiceModel
from botocore.validate import ParamValidator

from harness.cloud.bedrock.errors import invalid

_QUOTED_VALUE: Final = re.compile(r", value: .*?(?=, (?:type|valid))", re.DOTALL)


def validate(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raises `ApiError` (ValidationException) for a wrong type or a missing member."""
    try:
        shape = _model(service).operation_model(operation).input_shape
    except (OperationNotFoundError, UnknownServiceError):
        return
    if shape is None:
        return
    report = ParamValidator().validate(dict(params), shape)
    if report.has_errors():
        # botocore quotes the offending value, which may be a prompt: leave it out.
        said = _QUOTED_VALUE.sub("", str(report.generate_report()))
        raise invalid(f"1 validation error detected: {said}")


@functools.cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)
