"""The configuration document: what is accepted, and what each refusal says."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from bulkhead import BulkheadConfig, ConfigError


def test_a_good_document_is_read(document: dict[str, Any]) -> None:
    config = BulkheadConfig.from_mapping(document)
    assert config.operations_account_id == "111111111111"
    assert config.session_name == "t-222222222222-orders"
    assert config.log_region == config.region == "eu-central-1"
    assert config.external_id.reveal() == document["external_id"]


def test_further_outputs_of_the_roots_are_ignored(document: dict[str, Any]) -> None:
    outputs = {
        "fleet_role_name": "x",
        "regions": ["eu-central-1"],
        "session_name_prefix": {},
        "kms_key_arn": "x",
    }
    given = BulkheadConfig.from_mapping(document | outputs)
    assert given == BulkheadConfig.from_mapping(document)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("account_id", 222222222222, "12 digits, as a string"),
        ("account_id", "22222222222", "12 digits"),
        ("account_id", "111111111111", "must be a role of the operations account"),
        ("app", "a" * 50, "1 to 49"),
        ("app", "a:b", "1 to 49"),
        ("region", "eu-central", "an AWS region"),
        ("fleet_role_arn", "arn:aws:iam::111111111111:user/x", "the ARN of an IAM role"),
        ("fleet_role_arn", "arn:aws:iam::111111111111:role/*", "the ARN of an IAM role"),
        ("log_group_name", "has space", "the name of a log group"),
        ("log_group_arn", "arn:aws:logs:x", "the ARN of a log group"),
        ("inference_profiles", {}, "at least one model"),
        ("inference_profiles", {"m*": "x"}, "not a model id"),
        ("inference_profiles", {"a.model": "arn:aws:bedrock:eu-central-1::x"}, "must be the ARN"),
        (
            "inference_profiles",
            {
                "a.model": "arn:aws:bedrock:eu-central-1:333333333333:"
                "application-inference-profile/abc"
            },
            "is in account 333333333333",
        ),
        (
            "inference_profiles",
            {"a.model": "arn:aws:bedrock:us-east-1:111111111111:application-inference-profile/a"},
            "region us-east-1",
        ),
        ("external_id", "x", "2 to 1224 characters"),
        ("customer", None, "is missing"),
        ("customers", "acme", "is unknown"),
    ],
)
def test_a_wrong_field_is_named(
    document: dict[str, Any], field: str, value: object, says: str
) -> None:
    document[field] = value
    with pytest.raises(ConfigError) as caught:
        BulkheadConfig.from_mapping(document, source="app.json")
    expected = "fleet_role_arn" if value == "111111111111" else field
    assert str(caught.value).startswith(f"app.json: field `{expected}")
    assert says in str(caught.value)


def test_the_external_id_shows_nowhere(document: dict[str, Any]) -> None:
    secret = document["external_id"]
    config = BulkheadConfig.from_mapping(document)
    assert secret not in repr(config)
    assert secret not in f"{config.external_id} {config.external_id!r}"
    with pytest.raises(TypeError):
        pickle.dumps(config.external_id)
    document["external_id"] = f"{secret} with spaces"
    with pytest.raises(ConfigError) as caught:
        BulkheadConfig.from_mapping(document)
    assert secret not in str(caught.value)


def test_a_file_is_read_and_named_in_errors(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "app.json"
    path.write_text(json.dumps(document))
    assert BulkheadConfig.from_file(path) == BulkheadConfig.from_mapping(document)
    path.write_text(json.dumps(document)[:-5])
    with pytest.raises(ConfigError, match=r"app\.json: is not valid JSON") as caught:
        BulkheadConfig.from_file(path)
    assert document["external_id"] not in repr(caught.value.__context__ and str(caught.value))
    with pytest.raises(ConfigError, match=r"missing\.json: cannot be read"):
        BulkheadConfig.from_file(tmp_path / "missing.json")
