"""Tasks that call AWS APIs, `arn:aws:states:::aws-sdk:SERVICE:ACTION`, as the machine's role.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ParamValidationError

from harness.cloud.automation.asl_values import DefinitionError, StatesError
from harness.cloud.call import ApiError, ServiceRole
from harness.cloud.wire import service_model

_RESOURCE: Final = re.compile(r"arn:aws(?:-us-gov)?:states:::aws-sdk:([a-z0-9]+):([a-z]\w*)")
# The integrations go by the names of the SDK for Java; only those that differ from botocore's.
_NAMES: Final[Mapping[str, str]] = {"sfn": "stepfunctions", "cloudwatchlogs": "logs"}
_SERVICE: Final = "states.amazonaws.com"


def target(resource: str) -> tuple[str, str]:
    """Service and operation, by botocore's names. Raises `DefinitionError` for other resources."""
    found = _RESOURCE.fullmatch(resource)
    if found is None:
        raise DefinitionError(f"the embedded cloud does not play tasks on {resource or 'nothing'}")
    service = _NAMES.get(found[1], found[1])
    model = service_model(service)
    wanted = found[2].lower()
    names = [str(n) for n in model.operation_names if str(n).lower() == wanted] if model else []
    if not names:
        raise DefinitionError(f"there is no API {found[1]}:{found[2]}")
    return service, names[0]


def accept(resource: str) -> None:
    """Raise `DefinitionError` for a resource that `Tasks` cannot do."""
    target(resource)


class Tasks:
    """Does the tasks of one machine, with the rights of its role."""

    def __init__(self, service_role: ServiceRole, machine_arn: str, role_arn: str) -> None:
        self._service_role = service_role
        self._machine_arn = machine_arn
        self._role_arn = role_arn

    def perform(self, resource: str, parameters: Mapping[str, Any]) -> Any:
        """The answer's members. Raises `StatesError`, named as Step Functions names errors."""
        service, operation = target(resource)
        _, _, _, region, account, _ = self._machine_arn.split(":", 5)
        try:
            answer = self._service_role.call(
                role_arn=self._role_arn,
                service_principal=_SERVICE,
                source_account=account,
                source_arn=self._machine_arn,
                service=service,
                operation=operation,
                region=region,
                params=parameters,
            )
        except ApiError as error:
            raise StatesError(_error_name(resource, error), error.message) from None
        except ParamValidationError as error:
            raise StatesError("States.Runtime", str(error)) from None
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _error_name(resource: str, error: ApiError) -> str:
    """`Iam.NoSuchEntityException`; a denial has no exception of its own in most services."""
    found = _RESOURCE.fullmatch(resource)
    service = found[1].capitalize() if found else "States"
    if error.code.startswith("AccessDenied"):
        return f"{service}.{service}Exception"
    return f"{service}.{error.code.removesuffix('Exception')}Exception"
