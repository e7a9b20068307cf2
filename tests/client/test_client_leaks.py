"""Nothing carries a prompt out of the process but the call, unless it is allowed by name."""

from __future__ import annotations

import asyncio
import http.client
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3.connection
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_debug, set_verbose
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tracers.context import (
    _configure_hooks,
    collect_runs,
    register_configure_hook,
    tracing_v2_enabled,
)
from langchain_core.tracers.langchain import LangChainTracer
from langsmith.utils import get_env_var

from bulkhead import BulkheadConfig, ConfigError, LeakError, ModelSession, Walls, models
from bulkhead.walls import ALLOWED

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/acmesonnet1"
CANARY = "canary-8f3a"
PROMPT = [{"role": "user", "content": [{"text": CANARY}]}]


def astream(chat: Any, config: Any) -> None:
    async def read() -> None:
        async for _ in chat.astream(CANARY, config=config):
            pass

    asyncio.run(read())


def astream_events(chat: Any, config: Any) -> None:
    async def read() -> None:
        async for _ in chat.astream_events(CANARY, config=config, version="v2"):
            pass

    asyncio.run(read())


WAYS: dict[str, Callable[[Any, Any], object]] = {
    "invoke": lambda chat, config: chat.invoke(CANARY, config=config),
    "stream": lambda chat, config: list(chat.stream(CANARY, config=config)),
    "batch": lambda chat, config: chat.batch([CANARY], config=config),
    "ainvoke": lambda chat, config: asyncio.run(chat.ainvoke(CANARY, config=config)),
    "astream": astream,
    "astream_events": astream_events,
    "structured": lambda chat, config: chat.bind_tools([]).invoke(CANARY, config=config),
    "chain": lambda chat, config: (ChatPromptTemplate.from_template("{x}") | chat).invoke(
        {"x": CANARY}, config=config
    ),
}


class LangSmith:
    """What LangSmith's client would send, kept."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.tracing_queue = None

    def create_run(self, *args: Any, **kwargs: Any) -> None:
        self.sent.append(f"{args} {kwargs}")

    update_run = create_run

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    get_env_var.cache_clear()
    yield
    set_debug(False)
    set_verbose(False)
    get_env_var.cache_clear()


@pytest.mark.parametrize(
    "variable",
    ["LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"],
)
def test_tracing_by_the_environment_is_refused_at_the_start(
    variable: str, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "true")
    with pytest.raises(LeakError, match=rf'{variable} is set.*Walls\(allow={{"langsmith"}}\)'):
        session()
    session("langsmith")
    monkeypatch.setenv(variable, "false")
    session()


@pytest.mark.parametrize("way", WAYS)
def test_tracing_that_is_turned_on_later_is_refused_at_the_call(
    way: str, session: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = session().chat(MODEL, max_tokens=9)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "none")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", cloud.url)
    get_env_var.cache_clear()
    with pytest.raises(LeakError, match="LangSmith tracing is on"):
        if way == "chain":
            # A chain is LangChain's: it begins to trace before a model is asked.
            chat.invoke(CANARY)
        else:
            WAYS[way](chat, None)
    assert not cloud.requests("bedrock")


CHOOSING: dict[str, Callable[[Any, str], object]] = {
    "invoke": lambda chat, other: chat.invoke(CANARY, modelId=other),
    "stream": lambda chat, other: list(chat.stream(CANARY, modelId=other)),
    "ainvoke": lambda chat, other: asyncio.run(chat.ainvoke(CANARY, modelId=other)),
    "astream": lambda chat, other: chat.astream(CANARY, modelId=other),
    "bound": lambda chat, other: chat.bind(modelId=other).invoke(CANARY),
    "batch": lambda chat, other: chat.batch([CANARY], modelId=other),
}


@pytest.mark.parametrize("way", CHOOSING)
def test_a_call_cannot_choose_another_model(way: str, session: Any, cloud: Any) -> None:
    chat = session().chat(MODEL, max_tokens=9)
    with pytest.raises(TypeError, match="modelId cannot be chosen at the call"):
        CHOOSING[way](chat, "amazon.nova-lite-v1:0")
    assert not cloud.requests("bedrock")
    chat.invoke(CANARY)
    assert len(cloud.requests("bedrock")) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["context", "handler"])
def test_a_tracer_in_code_is_refused_before_it_sees_the_prompt(
    way: str, how: str, session: Any, cloud: Any
) -> None:
    chat = session().chat(MODEL, max_tokens=9)
    smith = LangSmith()
    with pytest.raises(LeakError, match="langsmith"):
        if how == "context":
            with tracing_v2_enabled(client=smith):  # type: ignore[arg-type]
                WAYS[way](chat, None)
        else:
            WAYS[way](chat, {"callbacks": [LangChainTracer(client=smith)]})  # type: ignore[arg-type]
    assert not cloud.requests("bedrock")
    if way != "chain":
        assert not smith.sent


def test_a_tracer_that_is_allowed_by_name_traces(session: Any, cloud: Any) -> None:
    smith = LangSmith()
    chat = session("langsmith").chat(MODEL, max_tokens=9)
    chat.invoke(CANARY, config={"callbacks": [LangChainTracer(client=smith)]})  # type: ignore[arg-type]
    assert CANARY in str(smith.sent)
    assert len(cloud.requests("bedrock")) == 1


@pytest.mark.parametrize("way", ["invoke", "astream", "chain"])
def test_debug_mode_is_refused(
    way: str, session: Any, cloud: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = session().chat(MODEL, max_tokens=9)
    set_debug(True)
    with pytest.raises(LeakError, match="langchain-debug"):
        WAYS[way](chat, None)
    assert not cloud.requests("bedrock")
    if way != "chain":
        assert CANARY not in capsys.readouterr().out
    # The twin: allowed by name, it prints.
    session("langchain-debug").chat(MODEL, max_tokens=9).invoke(CANARY)
    assert CANARY in capsys.readouterr().out


@pytest.mark.parametrize("how", ["globally", "model"])
def test_verbose_mode_is_refused(how: str, session: Any, cloud: Any) -> None:
    chat = session().chat(MODEL, max_tokens=9, verbose=how == "model")
    if how == "globally":
        set_verbose(True)
    with pytest.raises(LeakError, match="langchain-verbose"):
        chat.invoke(CANARY)
    assert not cloud.requests("bedrock")
    session("langchain-verbose").chat(MODEL, max_tokens=9, verbose=True).invoke(CANARY)
    assert len(cloud.requests("bedrock")) == 1


@pytest.mark.parametrize("module", ["langfuse.langchain", "langchain_community.callbacks.wandb"])
def test_handlers_of_observability_products_are_refused(
    module: str, session: Any, cloud: Any
) -> None:
    seen: list[object] = []

    class Handler(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **_: Any) -> None:
            seen.append(args)

    Handler.__module__ = module

    class Own(Handler):
        """The application's own name for it changes nothing."""

    with pytest.raises(LeakError, match="third-party-tracing"):
        session().chat(MODEL).invoke(CANARY, config={"callbacks": [Own()]})
    with pytest.raises(LeakError, match="third-party-tracing"):
        session().chat(MODEL, callbacks=[Handler()]).invoke(CANARY)
    assert not seen
    assert not cloud.requests("bedrock")
    session("third-party-tracing").chat(MODEL).invoke(CANARY, config={"callbacks": [Own()]})
    assert seen


def test_handlers_that_hook_themselves_in_are_refused(session: Any, monkeypatch: Any) -> None:
    from contextvars import ContextVar

    class Handler(BaseCallbackHandler):
        pass

    Handler.__module__ = "opik.integrations.langchain"
    variable: ContextVar[Any] = ContextVar("opik", default=None)
    before = list(_configure_hooks)
    register_configure_hook(variable, True, Handler, "OPIK_LANGCHAIN")
    try:
        chat = session().chat(MODEL)
        chat.invoke(CANARY)
        monkeypatch.setenv("OPIK_LANGCHAIN", "true")
        with pytest.raises(LeakError, match="OPIK_LANGCHAIN is set"):
            chat.invoke(CANARY)
        monkeypatch.delenv("OPIK_LANGCHAIN")
        token = variable.set(Handler())
        with pytest.raises(LeakError, match="handler is attached"):
            chat.invoke(CANARY)
        variable.reset(token)
    finally:
        _configure_hooks[:] = before


def test_what_stays_in_the_process_is_not_refused(session: Any, cloud: Any) -> None:
    chat = session().chat(MODEL, max_tokens=9)
    with collect_runs() as runs:
        chat.invoke(CANARY)
    assert len(runs.traced_runs) == 1
    ended: list[object] = []
    chat.with_listeners(on_end=ended.append).invoke(CANARY)
    assert len(ended) == 1
    astream_events(chat, None)
    assert len(cloud.requests("bedrock")) == 3


@pytest.mark.parametrize(
    "kind",
    [
        http.client.HTTPConnection,
        urllib3.connection.HTTPConnection,
        urllib3.connection.HTTPSConnection,
        AWSHTTPConnection,
        AWSHTTPSConnection,
    ],
)
def test_printed_bytes_are_refused(
    kind: type, session: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = session()
    monkeypatch.setattr(kind, "debuglevel", 1)
    with pytest.raises(LeakError, match="http-debug"):
        models.runtime.converse(modelId=models.inference_profile(MODEL), messages=PROMPT)
    assert not cloud.requests("bedrock")


@pytest.mark.parametrize("way", WAYS)
def test_debug_logs_hold_no_prompt_and_no_answer(
    way: str, session: Any, caplog: pytest.LogCaptureFixture
) -> None:
    chat = session().chat(MODEL, max_tokens=9)
    with caplog.at_level(logging.DEBUG):
        WAYS[way](chat, None)
    assert CANARY not in caplog.text
    assert "canary completion" not in caplog.text


def test_debug_logs_of_boto3_calls_hold_no_prompt_and_no_answer(
    session: Any, caplog: pytest.LogCaptureFixture, cloud: Any
) -> None:
    def use(models: ModelSession) -> None:
        profile = models.inference_profile(MODEL)
        models.runtime.converse(modelId=profile, messages=PROMPT)
        list(models.runtime.converse_stream(modelId=profile, messages=PROMPT)["stream"])

    with caplog.at_level(logging.DEBUG):
        use(session())
    assert CANARY not in caplog.text
    assert "canary" not in caplog.text
    # The twin: allowed by name, they do; and other clients' debug logs were never touched.
    with caplog.at_level(logging.DEBUG):
        use(session("debug-logs"))
    assert CANARY in caplog.text
    assert "canary completion" in caplog.text
    caplog.clear()
    import boto3

    other = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        aws_access_key_id=cloud.new_key("111111111111", "AKIA"),
        aws_secret_access_key="s",
    )
    with caplog.at_level(logging.DEBUG):
        other.converse(modelId="m", messages=PROMPT)
    assert CANARY in caplog.text


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=rf"has 'langsmyth'.*{', '.join(sorted(ALLOWED))}"):
        Walls(allow={"langsmyth"})
    with pytest.raises(ConfigError, match="a collection of names"):
        Walls(allow="langsmith")


def test_the_model_keeps_its_class_and_name(session: Any) -> None:
    from langchain_aws import ChatBedrockConverse

    chat = session().chat(MODEL)
    assert isinstance(chat, ChatBedrockConverse)
    assert type(chat).__name__ == "ChatBedrockConverse"
    assert type(chat).lc_id() == ChatBedrockConverse.lc_id()
    assert session().chat(MODEL).__class__ is chat.__class__


def test_other_models_of_langchain_are_walled_too(
    session: Any, cloud: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from langchain_aws import ChatBedrock

    cloud.answers["invoke"] = {
        "content": [{"type": "text", "text": "a canary completion"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 6},
    }
    models = session()
    chat = models.walled(ChatBedrock)(
        client=models.runtime,
        bedrock_client=models.control,
        model=models.inference_profile(MODEL),
        base_model=MODEL,
        provider="anthropic",
        region=models._config.region,
    )
    with caplog.at_level(logging.DEBUG):
        assert chat.invoke(CANARY).text == "a canary completion"
    assert CANARY not in caplog.text
    assert "canary completion" not in caplog.text
    smith = LangSmith()
    with pytest.raises(LeakError, match="langsmith"):
        chat.invoke(CANARY, config={"callbacks": [LangChainTracer(client=smith)]})  # type: ignore[arg-type]
    assert not smith.sent
    assert [call.operation for call in cloud.requests("bedrock")] == ["invoke"]


@pytest.mark.parametrize("kind", ["ChatBedrock", "ChatBedrockConverse", "BedrockLLM"])
@pytest.mark.parametrize("lacking", ["client", "bedrock_client"])
def test_no_model_makes_a_client_with_credentials_that_it_finds(
    session: Any, cloud: Any, kind: str, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its twin are the models above, which are given both."""
    import langchain_aws

    models = session()
    made = []
    monkeypatch.setattr("boto3.Session", lambda *_, **__: made.append("session"))
    given = {"client": models.runtime, "bedrock_client": models.control} | {lacking: None}
    with pytest.raises(TypeError, match=f"{kind} needs {lacking}: ") as error:
        models.walled(getattr(langchain_aws, kind))(
            **given, model=models.inference_profile(MODEL), system=[CANARY]
        )
    assert not made and not cloud.requests("bedrock")
    assert CANARY not in str(error.value)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_file_of_tls_keys_is_refused(
    allowed: bool, cloud: Any, session_of: Any, document: Any, monkeypatch: Any, tmp_path: Any
) -> None:
    """With them, whoever records the encrypted traffic reads it: `ssl` writes them by itself."""
    allow = ("tls-keylog",) if allowed else ()
    config = BulkheadConfig.from_mapping({**document, "endpoint_url": {"sts": cloud.url}})
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    session = ModelSession(config, session_of("222222222222"), walls=Walls(allow=allow))
    if allowed:
        assert session.runtime.meta.endpoint_url.startswith("https:")
        return
    with pytest.raises(LeakError, match="SSLKEYLOGFILE is set and bedrock-runtime would be called"):
        session.runtime  # noqa: B018
    # The twin: what is not encrypted goes to this machine only, and has no keys.
    ModelSession(
        BulkheadConfig.from_mapping(document), session_of("222222222222")
    ).runtime.converse(modelId=PROFILE, messages=PROMPT)
    assert len(cloud.requests("bedrock")) == 1


@pytest.mark.parametrize("allowed", [False, True])
def test_a_warning_that_quotes_the_prompt_is_dropped(
    allowed: bool, cloud: Any, session: Any, document: Any
) -> None:
    """langchain-aws warns of a text prompt whose turns do not alternate, all of it in the text."""
    document["inference_profiles"]["anthropic.claude-v2:1"] = f"{PROFILE}v2"
    cloud.answers["invoke"] = {"completion": "yes", "stop_reason": "stop_sequence"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = models.text_model(
            session(*(("debug-logs",) if allowed else ())),
            "anthropic.claude-v2:1",
            BaseCallbackHandler(),
        )
        assert model.invoke(f"Human: one Human: {CANARY}") == "yes"
    assert any(CANARY in str(each.message) for each in caught) is allowed
