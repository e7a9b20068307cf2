"""Operations that are added to botocore's models: needed, routed, decided, played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.session import Session

import harness.cloud
from harness.cloud.bedrock import Bedrock
from harness.cloud.catalogue.special import UNMODELED
from harness.cloud.wire import service_model

FILES = sorted((Path(harness.cloud.__file__).parent / "extra_operations").glob("*.json"))
ADDED = [(file.stem, name) for file in FILES for name in json.loads(file.read_text())["operations"]]


def test_there_are_some_and_each_is_decided() -> None:
    assert ADDED
    assert set(ADDED) == set(UNMODELED)


@pytest.mark.parametrize(("service", "operation"), ADDED)
def test_botocore_has_no_model_of_it(service: str, operation: str) -> None:
    """Once it has, the addition must go."""
    own = Session().get_service_model(service)
    assert operation not in own.operation_names
    paths = {own.operation_model(name).http["requestUri"] for name in own.operation_names}
    extended = service_model(service)
    assert extended is not None
    assert extended.operation_model(operation).http["requestUri"] not in paths
    assert set(own.operation_names) < set(extended.operation_names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_shape_is_replaced(file: Path) -> None:
    own = Session().get_service_model(file.stem)
    assert not set(json.loads(file.read_text())["shapes"]) & set(own.shape_names)


def test_they_are_played() -> None:
    unused: object = None
    played = Bedrock(unused).operations  # type: ignore[arg-type]
    assert {name for service, name in ADDED if service == "bedrock-runtime"} <= set(played)
