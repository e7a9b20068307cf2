"""The configuration document from a mapping, a file, or a SecureString parameter."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from support.client_lab import ACME, CLAUDE, EXTERNAL_ID, PARAMETER, REGION, Lab

from bulkhead import Bulkhead, BulkheadConfig, ConfigError, EndpointError, documents


def put(lab: Lab, name: str, value: str, kind: str = "SecureString") -> None:
    lab.admin(ACME, "ssm").put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)


def test_from_a_parameter_to_a_record(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Three lines: the parameter's name is all that the application knows."""
    put(lab, PARAMETER, json.dumps(lab.document))
    with caplog.at_level(logging.DEBUG):
        app = Bulkhead.from_config(f"ssm:{PARAMETER}", lab.caller(), endpoint_url=lab.proxy.url)
    with app:
        assert app.chat(CLAUDE).invoke("hello").text
    assert app.stats.delivered == app.stats.offered == 1
    assert EXTERNAL_ID not in caplog.text


def test_a_parameter_by_its_arn_and_an_application_of_its_own(lab: Lab) -> None:
    put(lab, PARAMETER, json.dumps({**lab.document, "app": "shared"}))
    arn = f"arn:aws:ssm:{REGION}:{ACME}:parameter{PARAMETER}"
    here = lab.proxy.url
    assert documents.read(f"ssm:{arn}", lab.caller(), endpoint_url=here).app == "shared"
    billing = documents.read(f"ssm:{arn}", lab.caller(), endpoint_url={"ssm": here}, app="billing")
    assert billing.app == "billing"


def test_the_environment_does_not_say_where_the_document_is(lab: Lab) -> None:
    """Else it would name, by another document, where prompts go."""
    put(lab, PARAMETER, json.dumps(lab.document))
    with pytest.raises(EndpointError, match="AWS_ENDPOINT_URL_SSM"):
        documents.read(f"ssm:{PARAMETER}", lab.caller())
    # The twin: the code may say so.
    documents.read(f"ssm:{PARAMETER}", lab.caller(), endpoint_url=lab.proxy.url)


@pytest.mark.parametrize(
    ("name", "value", "kind", "problem"),
    [
        ("/bulkhead/acme/client-none", None, "", "cannot be read .ParameterNotFound."),
        ("/bulkhead/globex/client", None, "", "cannot be read .AccessDeniedException."),
        ("/bulkhead/acme/client-plain", "{}", "String", "make it a SecureString"),
        ("/bulkhead/acme/client-text", f"{{{EXTERNAL_ID}", "SecureString", "is not valid JSON"),
        ("/bulkhead/acme/client-short", '{"app": "x"}', "SecureString", "`customer` is missing"),
        ("no name", None, "", "must be `ssm:` and the name or ARN"),
    ],
)
def test_a_parameter_that_is_none(
    lab: Lab, name: str, value: str | None, kind: str, problem: str
) -> None:
    if value is not None:
        put(lab, name, value, kind)
    with pytest.raises(ConfigError, match=problem) as caught:
        documents.read(f"ssm:{name}", lab.caller(), endpoint_url=lab.proxy.url)
    assert name in str(caught.value)
    assert EXTERNAL_ID not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_mapping_a_file_and_a_configuration(document: Any, tmp_path: Path) -> None:
    path = tmp_path / "app.json"
    path.write_text(json.dumps(document))
    one = documents.read(document)
    assert one == documents.read(path) == documents.read(str(path)) == documents.read(one)
    assert one == BulkheadConfig.from_file(path)
    assert documents.read(path, app="billing").app == "billing"
    path.write_text("{}")
    with pytest.raises(ConfigError, match="missing"):
        documents.read(path)


@pytest.mark.parametrize("text", ["", "[]", "7", "{canary", '"x"', "[" * 100_000])
def test_a_file_that_is_no_document(text: str, tmp_path: Path) -> None:
    path = tmp_path / "app.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"app\.json") as caught:
        documents.read(path)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({}, r"`content\.log_group_name`"),
        ("x", r"`content\.log_group_name`"),
        ({"log_group_name": "a b"}, r"`content\.log_group_name`"),
        ({"log_group_name": "/bulkhead/acme/bedrock"}, "must be another group than log_group_name"),
        ({"log_group_name": "/c", "log_group_arn": "x"}, r"`content\.log_group_arn`"),
        (
            {"log_group_name": "/c", "log_group_arn": "arn:aws:logs:eu-central-1:1:log-group:/c"},
            r"`content\.log_group_arn`",
        ),
        (
            {
                "log_group_name": "/c",
                "log_group_arn": "arn:aws:logs:eu-central-1:111111111111:log-group:/c",
            },
            "names the account 111111111111",
        ),
    ],
)
def test_a_wrong_content_group_names_the_field(document: Any, content: Any, named: str) -> None:
    document["content"] = content
    with pytest.raises(ConfigError, match=named):
        BulkheadConfig.from_mapping(document)


def test_a_content_group_is_taken_and_may_be_missing(document: Any) -> None:
    assert BulkheadConfig.from_mapping(document).content_log_group_name is None
    document["content"] = None
    assert BulkheadConfig.from_mapping(document).content_log_group_name is None
    arn = f"arn:aws:logs:{REGION}:222222222222:log-group:/c"
    document["content"] = {"log_group_name": "/c", "log_group_arn": arn, "kms_key_arn": "x"}
    assert BulkheadConfig.from_mapping(document).content_log_group_name == "/c"


def test_content_without_a_group_is_refused(document: Any, session_of: Any) -> None:
    with pytest.raises(ConfigError, match="content"):
        Bulkhead.from_config(document, session_of("222222222222"), content=True)
