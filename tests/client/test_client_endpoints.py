"""Where calls go: to AWS's own addresses or those named in code and document, to none besides."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.session import Session as BotocoreSession

from bulkhead import (
    Bulkhead,
    BulkheadConfig,
    ConfigError,
    EndpointError,
    LeakError,
    LogSession,
    ModelSession,
    RequestRefusedError,
    Walls,
    documents,
)
from bulkhead.endpoints import SUFFIXES, Endpoints, by_service

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROMPT = [{"role": "user", "content": [{"text": "a canary prompt"}]}]
SERVICES = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL_BEDROCK"]


@pytest.fixture
def trap() -> Iterator[Any]:
    """A server that nothing must reach; it counts what does."""
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reached.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    server.reached = reached  # type: ignore[attr-defined]
    threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def call(session: ModelSession) -> Any:
    return session.runtime.converse(modelId=session.inference_profile(MODEL), messages=PROMPT)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", *SERVICES])
def test_an_address_in_the_environment_is_refused(
    variable: str, cloud: Any, trap: Any, session_of: Any, document: Any, monkeypatch: Any
) -> None:
    del document["endpoint_url"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv(variable, trap.url)
    with pytest.raises(EndpointError, match=r"the environment .* names an address"):
        ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    assert not trap.reached
    # The twin: where the document names the addresses, the environment's are not looked at.
    document["endpoint_url"] = cloud.url
    call(ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222")))
    assert len(cloud.requests("bedrock")) == 1
    assert not trap.reached


def test_an_address_for_logs_in_the_environment_is_refused(
    trap: Any, session_of: Any, document: Any, monkeypatch: Any, cloud: Any
) -> None:
    document["endpoint_url"] = dict.fromkeys(("sts", "bedrock", "bedrock-runtime"), cloud.url)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", trap.url)
    with pytest.raises(EndpointError, match="names an address for logs"):
        Bulkhead.from_config(document, session_of("222222222222"))
    assert not trap.reached
    assert not cloud.seen


@pytest.mark.parametrize("where", ["global", "service"])
def test_an_address_in_the_aws_configuration_file_is_refused(
    where: str, cloud: Any, document: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = cloud.new_key("222222222222", "AKIA")
    lines = {
        "global": f"[profile app]\nendpoint_url = {cloud.url}\n",
        "service": "[profile app]\nservices = mine\n"
        f"[services mine]\nbedrock_runtime =\n  endpoint_url = {cloud.url}\n",
    }
    (tmp_path / "config").write_text(lines[where])
    (tmp_path / "credentials").write_text(
        f"[app]\naws_access_key_id = {key}\naws_secret_access_key = secret\n"
    )
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    named = document.pop("endpoint_url")
    base = boto3.Session(profile_name="app")
    with pytest.raises(EndpointError, match="AWS configuration file"):
        ModelSession(BulkheadConfig.from_mapping(document), base)
    assert not cloud.seen
    # The twin: the same address, named in the code.
    call(ModelSession(BulkheadConfig.from_mapping(document), base, endpoint_url=named))
    assert cloud.requests("sts")[0].key == key


def test_an_address_named_in_the_code_for_one_service_leaves_the_others_the_documents(
    cloud: Any, trap: Any, session_of: Any, document: Any
) -> None:
    """As where the code names an address for SSM, and the document those of VPC endpoints."""
    app = Bulkhead.from_config(document, session_of("222222222222"), endpoint_url={"ssm": trap.url})
    with app:
        call(app.session)
    assert len(cloud.requests("bedrock")) == len(cloud.records()) == 1
    # The twin: what the code names takes the place of the document's.
    with Bulkhead.from_config(
        document, session_of("222222222222"), endpoint_url={"bedrock-runtime": trap.url}
    ) as app:
        assert app.runtime.meta.endpoint_url == trap.url
    assert not trap.reached


def test_without_any_address_calls_go_to_the_regions_own(
    session_of: Any, document: Any, monkeypatch: Any, cloud: Any
) -> None:
    del document["endpoint_url"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    document["region"], document["log_region"] = "eu-west-1", "eu-central-1"
    document["inference_profiles"] = {
        MODEL: document["inference_profiles"][MODEL].replace("eu-central-1", "eu-west-1")
    }
    config = BulkheadConfig.from_mapping(document)
    base = session_of("222222222222")
    models = ModelSession(config, base)
    keys = base.get_credentials().get_frozen_credentials()
    found = {
        client.meta.endpoint_url
        for client in (
            models.runtime,
            models.control,
            models._sts(keys),
            LogSession(config, base).client(),
        )
    }
    assert found == {
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
        "https://bedrock.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com",
        "https://logs.eu-central-1.amazonaws.com",
    }


def test_models_of_the_sdk_that_were_tampered_with_are_noticed(
    session_of: Any, document: Any, monkeypatch: Any, cloud: Any, tmp_path: Path
) -> None:
    """AWS_DATA_PATH can replace the rules by which the SDK finds addresses."""
    version = tmp_path / "bedrock-runtime" / "2999-01-01"
    version.mkdir(parents=True)
    original = Path(botocore.__file__).parent / "data" / "bedrock-runtime" / "2023-09-30"
    for name in ("service-2.json", "endpoint-rule-set-1.json"):
        packed = original / f"{name}.gz"
        if packed.exists():
            (version / f"{name}.gz").write_bytes(packed.read_bytes())
        else:
            (version / name).write_bytes((original / name).read_bytes())
    for packed in version.glob("endpoint-rule-set-1.json*"):
        packed.unlink()
    rules = {
        "version": "1.0",
        "parameters": {"Region": {"type": "string", "required": False}},
        "rules": [
            {
                "type": "endpoint",
                "conditions": [],
                "endpoint": {"url": "https://collector.example.com", "properties": {}},
            }
        ],
    }
    (version / "endpoint-rule-set-1.json").write_text(json.dumps(rules))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    document["endpoint_url"] = {"sts": cloud.url}
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    models = ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    with pytest.raises(RequestRefusedError, match="for another address than bedrock-runtime"):
        call(models)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    status: int, cloud: Any, trap: Any, session_of: Any, document: Any, fault: Any
) -> None:
    session = ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    call(session)
    cloud.faults["Converse"] = [fault(status, "Moved", location=trap.url)]
    with pytest.raises(ClientError):
        call(session)
    assert not trap.reached


def test_a_hook_that_rewrites_the_address_is_noticed(
    cloud: Any, trap: Any, session_of: Any, document: Any
) -> None:
    """As a botocore plugin or a redirector could: before the request is signed."""
    session = ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    call(session)

    def rewrite(params: dict[str, Any], **_: Any) -> None:
        params["url"] = params["url"].replace(cloud.url, trap.url)

    session.runtime.meta.events.register("before-call", rewrite)
    with pytest.raises(RequestRefusedError, match="for another address"):
        call(session)
    assert not trap.reached


def test_langsmiths_gateway_is_ignored(
    cloud: Any, session_of: Any, document: Any, trap: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("LANGSMITH_GATEWAY", trap.url)
    session = ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    session.chat(MODEL).invoke("hello")
    assert len(cloud.requests("bedrock")) == 1
    assert not trap.reached


def test_a_request_of_another_key_or_region_or_without_signature_is_not_sent(
    cloud: Any, session_of: Any, document: Any
) -> None:
    config = BulkheadConfig.from_mapping(document)

    def sign_as(**changes: Any) -> ModelSession:
        session = ModelSession(config, session_of("222222222222"))
        signer = session.runtime._request_signer
        for name, value in changes.items():
            setattr(signer, name, value)
        return session

    own = session_of("222222222222").get_credentials()
    for changes, why in (
        ({"_credentials": own}, "another key"),
        ({"_region_name": "us-east-1"}, "in us-east-1"),
        ({"_signing_name": "s3"}, "for s3"),
    ):
        session = sign_as(**changes)
        session._session.get_credentials().get_frozen_credentials()
        with pytest.raises(RequestRefusedError, match=why):
            call(session)
    session = ModelSession(config, session_of("222222222222"))
    session.runtime.meta.events.register("choose-signer", lambda **_: botocore.UNSIGNED)
    with pytest.raises(RequestRefusedError, match="not signed"):
        call(session)
    assert not cloud.requests("bedrock")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("http://models.example.com", "unencrypted to models.example.com"),
        ("https://user:secret@localhost", "such as https://host:port"),
        ("localhost:4566", "such as https://host:port"),
        ("https://localhost:none", "such as https://host:port"),
        ("https://localhost/?to=x", "such as https://host:port"),
        ({"s3": "https://localhost"}, "names the service 's3'"),
        ({"sts": 7}, "such as https://host:port"),
        (7, "must be an address"),
    ],
)
def test_addresses_are_checked(given: Any, problem: str) -> None:
    with pytest.raises(EndpointError, match=problem) as caught:
        by_service(given, "endpoint_url")
    assert "secret" not in str(caught.value)


def test_a_document_names_addresses_of_aws_only(document: Any) -> None:
    endpoint = "https://vpce-1.bedrock-runtime.eu-central-1.vpce.amazonaws.com"
    document["endpoint_url"] = {"bedrock-runtime": endpoint}
    assert BulkheadConfig.from_mapping(document).endpoint_url == {"bedrock-runtime": endpoint}
    for host in ("collector.example.com", "evilamazonaws.com", "amazonaws.com.example.com"):
        document["endpoint_url"] = f"https://{host}"
        with pytest.raises(ConfigError, match="which is not an address of AWS"):
            BulkheadConfig.from_mapping(document)
    # The twin: the code may name any.
    assert by_service("https://collector.example.com", "endpoint_url")


def test_the_partitions_domains_are_botocores() -> None:
    data = BotocoreSession().get_component("data_loader").load_data("partitions")
    known = {
        each["id"]: (each["outputs"]["dnsSuffix"], each["outputs"]["dualStackDnsSuffix"])
        for each in data["partitions"]
    }
    assert known == SUFFIXES


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("https://bedrock-runtime.eu-central-1.amazonaws.com", True),
        ("https://bedrock-runtime-fips.eu-central-1.amazonaws.com", True),
        ("https://bedrock-runtime.eu-central-1.api.aws", True),
        ("http://bedrock-runtime.eu-central-1.amazonaws.com", False),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com:8443", False),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", False),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com.cn", False),
        ("https://bedrock.eu-central-1.amazonaws.com", False),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com.example.com", False),
    ],
)
def test_a_client_of_another_place_is_refused(url: str, holds: bool) -> None:
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="AKIA",
        aws_secret_access_key="s",
    )
    endpoints = Endpoints(BotocoreSession(), None, "aws")
    if holds:
        endpoints.watch(client, "bedrock-runtime", "eu-central-1")
    else:
        with pytest.raises(EndpointError, match="is not AWS's in eu-central-1"):
            endpoints.watch(client, "bedrock-runtime", "eu-central-1")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_what_is_not_encrypted_goes_through_no_proxy(
    variable: str, cloud: Any, document: Any, session_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody is there
    with Bulkhead.from_config(document, session_of("222222222222")) as app:
        app.runtime.converse(modelId=app.inference_profile(MODEL), messages=[])
        assert app.flush(60)
    assert {each.service for each in cloud.seen} == {"sts", "bedrock", "logs"}


# --- proxies that can open what is encrypted ------------------------------------------------------


@pytest.fixture
def afar(document: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BulkheadConfig:
    """A configuration with AWS's own addresses; nothing here calls them."""
    names = ("AWS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")
    for name in names:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (tmp_path / "bundle.pem").touch()
    document.pop("endpoint_url", None)
    return BulkheadConfig.from_mapping(document)


def clients(config: BulkheadConfig, allow: tuple[str, ...] = (), **options: Any) -> list[Any]:
    """All ways to AWS that there are; none is gone."""
    base = boto3.Session("AKIA0000000000000001", "secret", region_name="eu-central-1")
    walls = Walls(allow=allow)
    models = ModelSession(config, base, walls=walls, **options)
    logs = LogSession(config, base, walls=walls)
    ways: list[Callable[[], Any]] = [
        lambda: models.runtime,
        lambda: models.control,
        lambda: models._sts(ReadOnlyCredentials("a", "b", None)),
        logs.client,
        logs.verify,
        lambda: documents.read("ssm:/bulkhead/acme", base, walls=walls),
    ]
    found: list[Any] = []
    for way in ways[: None if not allow and not options else 4]:
        try:
            found.append(way())
        except LeakError as error:
            found.append(error)
    return found


BUNDLES = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "ca_bundle"]


@pytest.mark.parametrize("where", BUNDLES)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_that_can_open_what_is_sent_is_refused(
    where: str,
    variable: str,
    afar: BulkheadConfig,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trap: Any,
) -> None:
    bundle = str(tmp_path / "bundle.pem")
    if where == "ca_bundle":
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {bundle}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    else:
        monkeypatch.setenv(where, bundle)
    monkeypatch.setenv(variable, trap.url)
    found = clients(afar)
    assert [type(each) for each in found] == [LeakError] * 6
    assert all("tls-proxy" in str(each) for each in found)
    # The twins: allowed by name, or past the proxy, or no other certificates.
    assert not [each for each in clients(afar, ("tls-proxy",)) if isinstance(each, LeakError)]
    monkeypatch.setenv("NO_PROXY", "amazonaws.com")
    assert not [each for each in clients(afar, ("langsmith",)) if isinstance(each, LeakError)]
    assert trap.reached == []


def test_a_proxy_alone_and_certificates_alone_are_let_be(
    afar: BulkheadConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trap: Any
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", trap.url)
    assert not [each for each in clients(afar, ("langsmith",)) if isinstance(each, LeakError)]
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    assert not [each for each in clients(afar, ("langsmith",)) if isinstance(each, LeakError)]
    # A proxy that the code names is one as well.
    config = Config(proxies={"https": trap.url})
    found = clients(afar, client_config=config)
    assert [isinstance(each, LeakError) for each in found] == [True, True, False, False]
    assert trap.reached == []
