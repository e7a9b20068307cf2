"""What is put around LangChain and botocore to see prompts is refused, unless allowed by name."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
import types
from pathlib import Path
from typing import Any

import botocore.client
import pytest
from botocore import history

from bulkhead import LeakError

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CANARY = "canary-8f3a"
PROMPT = [{"role": "user", "content": [{"text": CANARY}]}]


@pytest.mark.parametrize(
    ("module", "name", "switch"),
    [
        ("opentelemetry.instrumentation.bedrock", "BedrockInstrumentor", None),
        ("openinference.instrumentation.langchain", "LangChainInstrumentor", None),
        (
            "opentelemetry.instrumentation.botocore",
            "BotocoreInstrumentor",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        ),
    ],
)
def test_an_active_instrumentation_is_refused(
    module: str,
    name: str,
    switch: str | None,
    session: Any,
    cloud: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The classes are stand-ins with what OpenTelemetry's BaseInstrumentor has."""
    instance = types.SimpleNamespace(is_instrumented_by_opentelemetry=False)
    stand_in = types.ModuleType(module)
    setattr(stand_in, name, type(name, (), {"_instance": instance}))
    monkeypatch.setitem(sys.modules, module, stand_in)
    models = session()

    def call() -> None:
        models.runtime.converse(modelId=models.inference_profile(MODEL), messages=PROMPT)

    call()
    instance.is_instrumented_by_opentelemetry = True
    if switch is not None:
        call()
        monkeypatch.setenv(switch, "true")
    sent = len(cloud.requests("bedrock"))
    with pytest.raises(LeakError, match=f"{module} is active"):
        call()
    assert len(cloud.requests("bedrock")) == sent


@pytest.mark.parametrize(
    "where",
    [
        "langchain_core.callbacks.manager._configure",
        "langchain_core.callbacks.base.BaseCallbackManager.__init__",
        "langchain_core.language_models.chat_models.BaseChatModel.generate",
    ],
)
def test_a_wrapped_langchain_is_refused(
    where: str, session: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As products do that attach themselves without a handler."""
    home, _, name = where.rpartition(".")
    owner: Any = pkgutil.resolve_name(home)
    usual = getattr(owner, name)

    @functools.wraps(usual)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return usual(*args, **kwargs)

    chat = session().chat(MODEL)
    chat.invoke(CANARY)
    monkeypatch.setattr(owner, name, wrapper)
    with pytest.raises(LeakError, match=f"{name} has been wrapped"):
        chat.invoke(CANARY)
    assert len(cloud.requests("bedrock")) == 1
    session("third-party-tracing").chat(MODEL).invoke(CANARY)
    assert len(cloud.requests("bedrock")) == 2


def wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def recording(patch: pytest.MonkeyPatch, _: Any) -> None:
    patch.setattr(history, "HISTORY_RECORDER", history.HistoryRecorder())
    history.get_global_history_recorder().enable()


def datadog(patch: pytest.MonkeyPatch, _: Any) -> None:
    patch.setattr(botocore.client, "_datadog_patch", True, raising=False)


def maker(patch: pytest.MonkeyPatch, _: Any) -> None:
    kind = botocore.client.ClientCreator
    patch.setattr(kind, "create_client", wrapped(kind.create_client))


def maker_of_methods(patch: pytest.MonkeyPatch, _: Any) -> None:
    kind = botocore.client.ClientCreator
    patch.setattr(kind, "_create_api_method", wrapped(kind._create_api_method))


def other_maker_of_methods(patch: pytest.MonkeyPatch, _: Any) -> None:
    real = botocore.client.ClientCreator._create_methods

    def other(*args: Any, **kwargs: Any) -> Any:
        return real(*args, **kwargs)

    patch.setattr(botocore.client.ClientCreator, "_create_methods", other)


def other_maker(patch: pytest.MonkeyPatch, _: Any) -> None:
    real = botocore.client.ClientCreator.create_client

    def other(*args: Any, **kwargs: Any) -> Any:
        return real(*args, **kwargs)

    patch.setattr(botocore.client.ClientCreator, "create_client", other)


def of_the_class(patch: pytest.MonkeyPatch, client: Any) -> None:
    patch.setattr(type(client), "converse", wrapped(type(client).converse))


def of_the_client(patch: pytest.MonkeyPatch, client: Any) -> None:
    patch.setattr(client, "converse", wrapped(client.converse))


@pytest.mark.parametrize(
    ("patched", "name", "why"),
    [
        (recording, "http-debug", "history recorder is enabled"),
        (datadog, "third-party-tracing", "ddtrace has patched botocore"),
        (maker, "third-party-tracing", "create_client is patched"),
        (maker_of_methods, "third-party-tracing", "_create_api_method is patched"),
        (other_maker_of_methods, "third-party-tracing", "_create_methods is patched"),
        (other_maker, "third-party-tracing", "create_client is patched"),
        (of_the_class, "third-party-tracing", "converse has been wrapped"),
        (of_the_client, "third-party-tracing", "converse has been wrapped"),
    ],
)
def test_what_is_put_around_botocore_is_refused(
    patched: Any, name: str, why: str, session: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, allowed = session(), session(name)
    call = {"modelId": strict.inference_profile(MODEL), "messages": PROMPT}
    for each in (strict, allowed):
        with monkeypatch.context() as patch:
            patched(patch, each.runtime)
            if each is strict:
                with pytest.raises(LeakError, match=why):
                    each.runtime.converse(**call)
                assert not cloud.requests("bedrock")
            else:
                each.runtime.converse(**call)
    # The twin: nothing is around it any more.
    strict.runtime.converse(**call)
    assert len(cloud.requests("bedrock")) == 2


def test_a_wrapped_call_of_botocore_alone_is_let_be(
    session: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X-Ray and OpenTelemetry do that, for names and numbers."""
    kind = botocore.client.BaseClient
    monkeypatch.setattr(kind, "_make_api_call", wrapped(kind._make_api_call))
    one = session()
    one.runtime.converse(modelId=one.inference_profile(MODEL), messages=PROMPT)
    assert cloud.requests("bedrock")


def test_plug_ins_that_the_environment_names_are_refused(
    session: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """botocore hands each client that it makes to them."""
    variable = "BOTOCORE_EXPERIMENTAL__PLUGINS"
    (tmp_path / "bulkhead_test_plugin.py").write_text(
        "seen = []\n"
        "def initialize_client_plugin(client):\n"
        "    client.meta.events.register(\n"
        "        'before-parameter-build', lambda params, **_: seen.append(str(params)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    early = session()
    call = {"modelId": early.inference_profile(MODEL), "messages": PROMPT}
    monkeypatch.setenv(variable, "test=bulkhead_test_plugin")
    with pytest.raises(LeakError, match=variable):
        session()
    with pytest.raises(LeakError, match=variable):
        early.runtime.converse(**call)  # the first client is made now
    assert not cloud.requests("bedrock")
    # The twins: allowed, it does see the prompt; switched off, nothing is refused.
    session("third-party-tracing").runtime.converse(**call)
    assert any(CANARY in each for each in importlib.import_module("bulkhead_test_plugin").seen)
    monkeypatch.setenv(variable, "DISABLED")
    session().runtime.converse(**call)
    assert len(cloud.requests("bedrock")) == 2
