"""The configuration document from a mapping, a file, or a parameter, and the external id from
another."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.client_lab import ACME, CLAUDE, EXTERNAL_ID, PARAMETER, REGION, Lab

from bulkhead import Bulkhead, BulkheadConfig, ConfigError, EndpointError, documents

INLINE = json.dumps({"external_id": EXTERNAL_ID})
SECRET = "/bulkhead/acme/client-external-id"
SECRET_ARN = f"arn:aws:ssm:{REGION}:{ACME}:parameter{SECRET}"


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


@pytest.mark.parametrize(
    ("key", "region", "address", "advice"),
    [
        ("", REGION, None, r"NoCredentialsError.*as the caller role"),
        ("AKIAAAAAAAAAAAAAAAAA", REGION, None, r"UnrecognizedClient.*as the caller role"),
        ("AKIAAAAAAAAAAAAAAAAA", REGION, "http://127.0.0.1:9", r"EndpointConn.*check the network"),
        ("AKIAAAAAAAAAAAAAAAAA", None, None, r"NoRegionError.*by its ARN"),
    ],
)
def test_what_is_missing_is_said_where_the_document_cannot_be_read(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    region: str | None,
    address: str | None,
    advice: str,
) -> None:
    """Rights and names, of which the other cases tell, are not the cause."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keys = {"aws_access_key_id": key, "aws_secret_access_key": "x" * 40} if key else {}
    base = boto3.Session(region_name=region, **keys)
    with pytest.raises(ConfigError, match=advice) as caught:
        documents.read(f"ssm:{PARAMETER}", base, endpoint_url=address or lab.proxy.url)
    assert "ssm:GetParameter" not in str(caught.value)


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
        ("/bulkhead/globex/client", None, "", "cannot be read .AccessDenied.*ssm:GetParameter"),
        ("/bulkhead/acme/client-plain", INLINE, "String", "keep that in a SecureString"),
        ("/bulkhead/acme/client-empty", "{}", "String", "`customer` is missing"),
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


def naming(lab: Lab, **fields: Any) -> dict[str, Any]:
    """A document as Terraform writes it: without the external id, and without an application."""
    left = {k: v for k, v in lab.document.items() if k not in ("external_id", "app")}
    return {
        "format": "bulkhead-configuration/1",
        "operations_account_id": "111111111111",
        "metrics_namespace": "Bulkhead",
        "external_id_parameter": SECRET_ARN,
        **left,
        **fields,
    }


@pytest.mark.parametrize("named", [SECRET, SECRET_ARN])
def test_a_document_names_where_the_external_id_is(
    lab: Lab, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(lab, SECRET, EXTERNAL_ID)
    put(lab, f"{PARAMETER}-named", json.dumps(naming(lab, external_id_parameter=named)), "String")
    with caplog.at_level(logging.DEBUG):
        app = Bulkhead.from_config(
            f"ssm:{PARAMETER}-named", lab.caller(), endpoint_url=lab.proxy.url, app="billing"
        )
    with app:
        assert app.chat(CLAUDE).invoke("hello").text
    assert app.stats.delivered == app.stats.offered == 1
    assert EXTERNAL_ID not in caplog.text
    # The document itself names the address here, so a mapping needs nothing else.
    config = documents.read(naming(lab), lab.caller(), app="billing")
    assert config.external_id.reveal() == EXTERNAL_ID


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"external_id": EXTERNAL_ID}, "`external_id` stands beside `external_id_parameter`"),
        ({"external_id_parameter": f"{EXTERNAL_ID} "}, "must be the name or ARN of a parameter"),
        ({"external_id_parameter": EXTERNAL_ID}, "must be the name or ARN of a parameter"),
        ({"external_id_parameter": 7}, "must be the name or ARN of a parameter"),
        (
            {"external_id_parameter": SECRET_ARN.replace(ACME, "333333333333")},
            "is of account 333333333333, and account_id is 222222222222",
        ),
        ({"external_id_parameter": f"{SECRET}-none"}, r"cannot be read .ParameterNotFound"),
        ({"external_id_parameter": "/other"}, r"cannot be read .AccessDeniedException"),
        ({"external_id_parameter": f"{SECRET}-plain"}, "is a String: keep the external id in a"),
        ({"format": "bulkhead-configuration/2"}, "`format` must be 'bulkhead-configuration/1'"),
        ({"metrics_namespace": "Other"}, "`metrics_namespace` must be 'Bulkhead'"),
        ({"operations_account_id": "333333333333"}, "`operations_account_id` is '333333333333'"),
        ({"app": None}, "`app` is missing; name the application in the code"),
    ],
)
def test_a_document_that_names_no_external_id(
    lab: Lab, fields: dict[str, Any], problem: str
) -> None:
    put(lab, SECRET, EXTERNAL_ID)
    put(lab, f"{SECRET}-plain", EXTERNAL_ID, "String")
    with pytest.raises(ConfigError, match=problem) as caught:
        documents.read(naming(lab, **{"app": "billing", **fields}), lab.caller())
    assert EXTERNAL_ID not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_nothing_secret_is_asked_for_on_behalf_of_a_wrong_document(
    document: Any, session_of: Any, cloud: Any
) -> None:
    document |= {"external_id_parameter": SECRET, "fleet_role_arn": "x"}
    del document["external_id"]
    with pytest.raises(ConfigError, match="fleet_role_arn"):
        documents.read(document, session_of(ACME))
    assert not cloud.seen
    # The twin: of a good document the parameter is asked for.
    document["fleet_role_arn"] = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
    with pytest.raises(ConfigError, match="external_id_parameter"):
        documents.read(document, session_of(ACME))
    assert {each.operation for each in cloud.seen} == {"GetParameter"}


def test_an_external_id_in_the_wrong_field_is_asked_of_nobody(
    document: Any, session_of: Any, cloud: Any
) -> None:
    """CloudTrail would keep it, as the name of a parameter that there is not."""
    document["external_id_parameter"] = document.pop("external_id")
    with pytest.raises(ConfigError, match="a name begins with /") as caught:
        documents.read(document, session_of(ACME))
    assert document["external_id_parameter"] not in str(caught.value)
    assert not cloud.seen


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_a_parameter_at_this_machine_is_not_asked_through_a_proxy(
    variable: str, document: Any, session_of: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    document["external_id_parameter"] = SECRET
    del document["external_id"]
    with pytest.raises(ConfigError, match="UnknownOperationException"):  # the tiny cloud has none
        documents.read(document, session_of(ACME))
    assert [each.operation for each in cloud.seen] == ["GetParameter"]


def test_without_a_loader_the_external_id_is_missing(document: Any) -> None:
    document["external_id_parameter"] = SECRET
    del document["external_id"]
    with pytest.raises(ConfigError, match="`external_id` is missing; give it, or"):
        BulkheadConfig.from_mapping(document)


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


def test_a_configuration_is_of_one_application(document: Any) -> None:
    config = BulkheadConfig.from_mapping(document)
    assert documents.read(config) is documents.read(config, app=config.app) is config
    with pytest.raises(ConfigError, match=f"of the application '{config.app}', not 'other'"):
        documents.read(config, app="other")


def test_content_without_a_group_is_refused(document: Any, session_of: Any) -> None:
    with pytest.raises(ConfigError, match="content"):
        Bulkhead.from_config(document, session_of("222222222222"), content=True)


@pytest.mark.parametrize("before", ["", "  ", "\n"])
def test_the_text_of_a_document_in_the_place_of_its_path_is_not_quoted(
    before: str, document: dict[str, Any]
) -> None:
    """As where it comes from an environment variable."""
    with pytest.raises(ConfigError, match=r"no path of a file .* json\.loads") as caught:
        documents.read(before + json.dumps(document))
    assert document["external_id"] not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert documents.read(document).customer == "acme"
