"""Finds what would carry prompts out of the process besides the call itself, and refuses it.

LangSmith traces by an environment variable, LangChain's debug mode prints, and observability
products attach themselves to LangChain and botocore. Whatever is found is refused before a call,
unless the application allows it by name (`walls.ALLOWED`); debug loggers are silenced instead.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import warnings
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from botocore import client as botocore_client
from botocore import history
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection

from bulkhead import correlation
from bulkhead.errors import LeakError
from bulkhead.walls import ALLOWED

_TRACING = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
    "LANGCHAIN_HANDLER",
)
_OFF = ("", "0", "false")

# By the class that a handler is or descends from. Handlers that keep runs in the process
# (streaming, listeners, collected runs) are none of these.
_HANDLERS = {
    "langchain_core.tracers.langchain.LangChainTracer": "langsmith",
    "langchain_core.tracers.stdout.FunctionCallbackHandler": "langchain-debug",
    "langchain_core.callbacks.stdout.StdOutCallbackHandler": "langchain-verbose",
    "langchain_core.callbacks.file.FileCallbackHandler": "langchain-verbose",
}
# Packages whose handlers send prompts to a service or a store of their own.
_PRODUCTS = frozenset(
    {
        *("aim", "arize", "argilla", "arthurai", "clearml", "comet_ml", "comet_llm"),
        *("confident_ai", "deepeval", "ddtrace", "fiddler", "flytekitplugins"),
        *("galileo_observe", "humanloop", "infinopy", "label_studio", "langfuse"),
        *("langtrace_python_sdk", "langwatch", "literalai", "llmonitor", "logfire", "lunary"),
        *("mlflow", "openinference", "opik", "opentelemetry", "parea", "phoenix", "portkey_ai"),
        *("promptlayer", "sagemaker", "sentry_sdk", "traceloop", "trubrics", "uptrain"),
        *("wandb", "weave", "whylogs"),
    }
)
_COMMUNITY = "langchain_community.callbacks."
_COUNTERS = frozenset({"bedrock_anthropic_callback", "openai_info"})  # they keep what they count
# Modules of instrumentations that send prompts, and what their classes are called there. The class
# keeps its only instance, which says whether it is at work.
_INSTRUMENTED = (
    "llm_tracekit.bedrock",
    "llm_tracekit.langchain",
    "openinference.instrumentation.bedrock",
    "openinference.instrumentation.langchain",
    "opentelemetry.instrumentation.bedrock",
    "opentelemetry.instrumentation.langchain",
)
_INSTRUMENTORS = ("BedrockInstrumentor", "LangChainInstrumentor", "LangchainInstrumentor")
# This one takes names and numbers only, unless it is told to take prompts too.
_BOTOCORE = "opentelemetry.instrumentation.botocore"
_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
# Of botocore's ClientCreator. MLflow's autolog patches the first, and agents that monitor whole
# applications one of the others, to wrap the methods of the clients that are made.
_MAKERS = ("create_client", "_create_methods", "_create_api_method")
_PLUGINS = "BOTOCORE_EXPERIMENTAL__PLUGINS"
_QUOTING = "Error: Prompt must alternate between"
_LANGCHAIN_LOGGERS = (
    "langchain_aws.chat_models.bedrock",
    "langchain_aws.chat_models.bedrock_converse",
    "langchain_aws.embeddings.bedrock",
    "langchain_aws.function_calling",
    "langchain_aws.llms.bedrock",
    "langchain_aws.utils",
)


def refuse_environment(allow: Collection[str]) -> None:
    """Raise LeakError if the environment turns LangSmith's tracing on. Imports nothing."""
    for name in _TRACING:
        if os.environ.get(name, "").strip().lower() not in _OFF:
            _refuse("langsmith", f"the environment variable {name} is set", allow)
    refuse_plugins(allow)
    refuse_transport(allow)


def refuse_transport(allow: Collection[str]) -> None:
    """Raise LeakError for what sees each request, however it is made. Cheap: each call asks."""
    # Set on these, or on any class above: urllib3's or http.client's HTTPConnection.
    if AWSHTTPConnection.debuglevel or AWSHTTPSConnection.debuglevel:
        _refuse("http-debug", "HTTPConnection.debuglevel is set", allow)
    if history.get_global_history_recorder()._enabled:  # type: ignore[attr-defined]
        _refuse("http-debug", "botocore's history recorder is enabled", allow)
    if getattr(botocore_client, "_datadog_patch", False):
        _refuse("third-party-tracing", "ddtrace has patched botocore", allow)
    for name in _MAKERS:
        make = getattr(botocore_client.ClientCreator, name, None)
        if hasattr(make, "__wrapped__") or not _is_botocores(make):
            why = f"botocore's ClientCreator.{name} is patched"
            _refuse("third-party-tracing", why, allow)
    for module in _INSTRUMENTED:
        if module in sys.modules and _at_work(module, _INSTRUMENTORS):
            _refuse("third-party-tracing", f"{module} is active", allow)
    active = _BOTOCORE in sys.modules and _at_work(_BOTOCORE, ("BotocoreInstrumentor",))
    if active and os.environ.get(_CAPTURE, "").lower() not in (*_OFF, "no_content"):
        _refuse("third-party-tracing", f"{_BOTOCORE} is active and {_CAPTURE} is set", allow)


def refuse_proxy(service: str, proxied: bool, bundle: object, allow: Collection[str]) -> None:
    """Raise LeakError where a proxy can open what is encrypted: its certificate is trusted, too.

    A proxy alone sees addresses; other certificates alone are those of a test or of a company.
    """
    if proxied and bundle:
        _refuse(
            "tls-proxy",
            f"calls of {service} would go through an HTTPS proxy while certificates other than the "
            "SDK's own are trusted (AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or ca_bundle)",
            allow,
        )


def refuse_keylog(service: str, encrypted: bool, allow: Collection[str]) -> None:
    """Raise LeakError where the keys of a new client's connections would be written to a file."""
    if encrypted and os.environ.get("SSLKEYLOGFILE"):
        why = f"the environment variable SSLKEYLOGFILE is set and {service} would be called"
        _refuse("tls-keylog", why, allow)


def refuse_plugins(allow: Collection[str]) -> None:
    """Raise LeakError if the environment has botocore hand each new client to somebody's module."""
    named = os.environ.get(_PLUGINS, "")
    if named not in ("", "DISABLED"):  # as botocore reads it
        _refuse("third-party-tracing", f"the environment variable {_PLUGINS} is set", allow)


def refuse_wrapped_methods(client: object, made: Mapping[str, Any], allow: Collection[str]) -> None:
    """Raise LeakError if methods of a client that calls models are others than botocore made."""
    for name, method in made.items():
        if getattr(type(client), name, None) is not method or name in vars(client):
            _refuse("third-party-tracing", f"the client's {name} has been wrapped", allow)


def _is_botocores(function: Any) -> bool:
    return getattr(function, "__globals__", None) is vars(botocore_client)


def _at_work(module: str, classes: Iterable[str]) -> bool:
    for name in classes:
        instance = getattr(getattr(sys.modules[module], name, None), "_instance", None)
        if getattr(instance, "is_instrumented_by_opentelemetry", False):
            return True
    return False


def refuse_langchain(allow: Collection[str], callbacks: Any = None, *, verbose: bool) -> None:
    """Raise LeakError for what LangChain would hand a run that starts now.

    callbacks  handlers, a manager, or one of these per prompt
    verbose    whether the model itself is verbose
    """
    manager, base, settings, context = _langchain()
    _refuse_patched((manager._configure, base.BaseCallbackManager.__init__), allow)
    if context._tracing_v2_is_enabled():
        _refuse("langsmith", "LangSmith tracing is on", allow)
    if settings.get_debug():
        _refuse("langchain-debug", "langchain_core.globals.set_debug is on", allow)
    if verbose or settings.get_verbose():
        _refuse("langchain-verbose", "verbose is on, for LangChain or for this model", allow)
    handlers: list[object] = []
    for variable, _, kind, env in context._configure_hooks:
        ambient = variable.get()
        if ambient is not None:
            handlers.append(ambient)
        elif kind is not None and env and os.environ.get(env, "").lower() not in _OFF:
            _refuse_class(kind, f"the environment variable {env} is set", allow)
    _add_handlers(callbacks, handlers)
    for handler in handlers:
        _refuse_class(type(handler), "its handler is attached", allow)


@functools.cache
def _langchain() -> tuple[Any, ...]:
    """The modules that are looked at before each run; an import statement takes its time too."""
    from langchain_core import globals as settings
    from langchain_core.callbacks import base, manager
    from langchain_core.tracers import context

    return manager, base, settings, context


def silence_langchain(allow: Collection[str]) -> None:
    """Drop the DEBUG records and the one warning of langchain-aws that quote prompts and answers.

    In the whole process, since they do not say whose calls they are of: the strictest caller wins.
    """
    if "debug-logs" in allow:
        return
    # Of text models by Anthropic, where the turns of a prompt do not alternate.
    warnings.filterwarnings("ignore", message=_QUOTING)
    present = [name for name in logging.root.manager.loggerDict if name.startswith("langchain_aws")]
    for name in {*_LANGCHAIN_LOGGERS, *present}:
        logging.getLogger(name).addFilter(no_debug)  # adding it again changes nothing


def no_debug(record: logging.LogRecord) -> bool:
    """A filter of loggers that quote at level DEBUG."""
    return record.levelno > logging.DEBUG


@functools.cache
def walled(kind: type, allow: frozenset[str]) -> type:
    """Return a LangChain model class that asks `refuse_langchain` before each run, and is made with
    no client but given ones.

    It keeps the name of the class it is made from: records and serialized models show the same.
    Embeddings have no runs, and LangChain shows them to nobody: their class is returned as it is.
    """
    if not hasattr(kind, "generate"):
        return kind

    entries = ("generate", "agenerate", "stream", "astream")
    fields = getattr(kind, "model_fields", {})
    clients = [name for name in ("client", "bedrock_client") if name in fields]

    def look(model: Any, callbacks: Any, options: Mapping[str, Any]) -> None:
        other = "modelId" in options
        del options
        if other:
            # langchain-aws would call that one instead, and nothing in the run says so.
            raise TypeError(
                "modelId cannot be chosen at the call: make a model for it, "
                "app.chat(model_id) or app.llm(model_id)"
            )
        _refuse_patched([getattr(kind, name) for name in entries], allow)
        refuse_langchain(allow, [callbacks, model.callbacks], verbose=bool(model.verbose))
        _forget_other_id(model)

    def of_config(config: Any) -> Any:
        from langchain_core.runnables.config import ensure_config

        return ensure_config(config).get("callbacks")

    # Not generators of our own: closing and cancelling work as ever. And no frame of ours that an
    # exception passes keeps what was asked.
    class Walled(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, **given: Any) -> None:
            try:
                lacking = [name for name in clients if given.get(name) is None]
                if lacking:
                    raise TypeError(
                        f"{kind.__name__} needs {' and '.join(lacking)}: langchain-aws would make "
                        "its own with whatever credentials it finds; give it client=app.runtime "
                        "and bedrock_client=app.session.control"
                    )
                super().__init__(*args, **given)
            finally:
                del args, given

        def generate(self, prompts: Any, stop: Any = None, callbacks: Any = None, **kw: Any) -> Any:
            try:
                look(self, callbacks, kw)
                return super().generate(prompts, stop, callbacks, **kw)
            except BaseException:
                correlation.leave()
                raise
            finally:
                del prompts, kw

        async def agenerate(
            self, prompts: Any, stop: Any = None, callbacks: Any = None, **kw: Any
        ) -> Any:
            try:
                look(self, callbacks, kw)
                run = super().agenerate(prompts, stop, callbacks, **kw)
            finally:
                del prompts, kw
            try:
                return await run
            except BaseException:
                correlation.leave(sent=True)
                raise

        def stream(self, input: Any, config: Any = None, **kw: Any) -> Any:
            try:
                look(self, of_config(config), kw)
                return _Stream(super().stream(input, config, **kw))
            finally:
                del input, kw

        def astream(self, input: Any, config: Any = None, **kw: Any) -> Any:
            try:
                look(self, of_config(config), kw)
                return _AsyncStream(super().astream(input, config, **kw))
            finally:
                del input, kw

        def stream_events(self, input: Any, config: Any = None, **kw: Any) -> Any:
            try:
                look(self, of_config(config), kw)
                return super().stream_events(input, config, **kw)
            finally:
                del input, kw

        def astream_events(self, input: Any, config: Any = None, **kw: Any) -> Any:
            try:
                look(self, of_config(config), kw)
                return super().astream_events(input, config, **kw)
            finally:
                del input, kw

    Walled.__name__ = kind.__name__
    Walled.__qualname__ = kind.__qualname__
    Walled.__module__ = kind.__module__
    Walled.__doc__ = kind.__doc__
    return Walled


class _Passing:
    """A stream of LangChain's, which can be closed as ever; where it fails before its run has
    called, the run is left."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Stream(_Passing):
    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._stream)
        except StopIteration:
            raise
        except BaseException:
            correlation.leave()
            raise


class _AsyncStream(_Passing):
    def __aiter__(self) -> _AsyncStream:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            raise
        except BaseException:
            correlation.leave(sent=True)
            raise


def _forget_other_id(model: Any) -> None:
    """Have handlers told the present `model_id`: LangChain keeps, in copies too, what the first run
    told, and the call would not be known for the run's.
    """
    told = vars(model).get("_serialized", {}).get("kwargs", {}).get("model_id")
    if told is not None and told != getattr(model, "model_id", told):
        vars(model).pop("_serialized", None)


def _refuse_patched(functions: Iterable[Any], allow: Collection[str]) -> None:
    """What wraps LangChain's own functions (Sentry, Datadog, MLflow do) is given what they are."""
    for each in functions:
        if hasattr(each, "__wrapped__"):
            name = getattr(each, "__qualname__", "a function")
            _refuse("third-party-tracing", f"LangChain's {name} has been wrapped", allow)


def _add_handlers(callbacks: Any, found: list[object]) -> None:
    if callbacks is None:
        return
    if isinstance(callbacks, list | tuple):
        for each in callbacks:
            _add_handlers(each, found)
    elif hasattr(callbacks, "handlers"):
        found.extend(callbacks.handlers)
    else:
        found.append(callbacks)


def _refuse_class(kind: type, why: str, allow: Collection[str]) -> None:
    name = _known(kind)
    if name is not None:
        _refuse(name, f"{kind.__module__}.{kind.__qualname__}: {why}", allow)


@functools.lru_cache(maxsize=256)
def _known(kind: type) -> str | None:
    """The name in `ALLOWED` of what a handler's class or one that it descends from is."""
    for base in kind.__mro__:
        name = _HANDLERS.get(f"{base.__module__}.{base.__qualname__}")
        package, _, module = base.__module__.partition(".")
        if base.__module__.startswith(_COMMUNITY):
            product = module.rpartition(".")[2] not in _COUNTERS
        else:
            product = package in _PRODUCTS
        if name is not None or product:
            return name or "third-party-tracing"
    return None


def _refuse(name: str, why: str, allow: Collection[str]) -> None:
    if name not in allow:
        raise LeakError(
            f"{ALLOWED[name]}, and {why}; no model was called. "
            f'Turn it off, or allow it by name: Walls(allow={{"{name}"}})'
        )
