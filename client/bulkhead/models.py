"""LangChain's models over the fleet role's clients: ChatBedrock, BedrockLLM and embeddings.

`ModelSession.chat` makes ChatBedrockConverse; the three here call InvokeModel. All go through the
customer's inference profile (AIP), and none can be given other credentials, another endpoint or
another model; all are walled (`ModelSession.walled`). Needs the extra `bulkhead[langchain]`, which
is imported at the first use.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from bulkhead.session import _FORBIDDEN, ModelSession, _provider, _with_handler, without_bearer

# What both of langchain-aws's chat models have under the same name.
_SHARED = (
    "max_tokens",
    "metadata",
    "request_metadata",
    "service_tier",
    "stop_sequences",
    "temperature",
)

if TYPE_CHECKING:
    from langchain_aws import BedrockEmbeddings, BedrockLLM, ChatBedrock
    from langchain_core.callbacks import BaseCallbackHandler


def chat_bedrock(
    session: ModelSession, model_id: str, handler: BaseCallbackHandler, **options: Any
) -> ChatBedrock:
    """Return a ChatBedrock. langchain-aws has it call Converse for Amazon's Nova models.

    Raises UnknownModelError for a model that is not in the configuration, TypeError for an option
    that this sets itself, ImportError without langchain-aws, LeakError where something else would
    see the prompts.
    """
    kind = session.walled(_chat_bedrock(session.walled(_langchain_aws().ChatBedrockConverse)))
    chat: ChatBedrock = kind(**_bedrock(session, model_id, handler, options))
    return without_bearer(chat)


def text_model(
    session: ModelSession, model_id: str, handler: BaseCallbackHandler, **options: Any
) -> BedrockLLM:
    """Return a BedrockLLM, for models that complete a text. Raises as `chat_bedrock` does."""
    kind = session.walled(_langchain_aws().BedrockLLM)
    model: BedrockLLM = kind(**_bedrock(session, model_id, handler, options))
    return without_bearer(model)


def embeddings(session: ModelSession, model_id: str, **options: Any) -> BedrockEmbeddings:
    """Return a BedrockEmbeddings. LangChain has no callbacks for it: the client records its calls.

    Raises as `chat_bedrock` does.
    """
    _refuse(options)
    made: BedrockEmbeddings = session.walled(_langchain_aws().BedrockEmbeddings)(
        client=session.runtime,
        model_id=session.inference_profile(model_id),
        provider=_provider(model_id),
        region_name=session.runtime.meta.region_name,
        endpoint_url=session.runtime.meta.endpoint_url,
        # Otherwise it keeps a copy of these environment variables in the model object.
        aws_access_key_id=None,
        aws_secret_access_key=None,
        aws_session_token=None,
        **options,
    )
    return made


@functools.cache
def _chat_bedrock(converse: type) -> type:
    """Return a ChatBedrock that calls Converse, where it does, by a model of the class given."""

    class ChatBedrock(_langchain_aws().ChatBedrock):  # type: ignore[misc]
        """As langchain-aws has it, but for one thing: what calls Converse for it.

        That would be made without a control-plane client and without the base model; it would then
        look the AIP up with whatever credentials the default chain has.
        """

        @property
        def _as_converse(self) -> Any:
            wanted = converse.model_fields  # type: ignore[attr-defined]
            options = {k: v for k, v in (self.model_kwargs or {}).items() if k in wanted}
            for name in _SHARED:
                value = getattr(self, name, None)
                if value is not None:
                    options[name] = value
            # What binds tools to this model calls that one: it needs the handler too.
            options["callbacks"] = self.callbacks
            if self._guardrails_enabled:
                options["guardrail_config"] = self.guardrails
            return without_bearer(
                converse(
                    client=self.client,
                    bedrock_client=self.bedrock_client,
                    model=self.model_id,
                    base_model=self.base_model_id,
                    provider=self.provider,
                    region_name=self.region_name,
                    base_url=self.endpoint_url,
                    aws_access_key_id=None,
                    aws_secret_access_key=None,
                    aws_session_token=None,
                    **options,
                )
            )

    return ChatBedrock


def _bedrock(
    session: ModelSession, model_id: str, handler: BaseCallbackHandler, options: dict[str, Any]
) -> dict[str, Any]:
    _refuse(options)
    return {
        **options,
        "callbacks": _with_handler(options.get("callbacks"), handler),
        # Both clients, or langchain-aws builds the missing one from the default chain.
        "client": session.runtime,
        "bedrock_client": session.control,
        "model": session.inference_profile(model_id),
        # Without these two it would ask GetInferenceProfile what the AIP stands for.
        "base_model": model_id,
        "provider": _provider(model_id),
        "region": session.runtime.meta.region_name,
        # An address of its own keeps LANGSMITH_GATEWAY from naming another one.
        "endpoint_url": session.runtime.meta.endpoint_url,
        "aws_access_key_id": None,
        "aws_secret_access_key": None,
        "aws_session_token": None,
    }


def _refuse(options: dict[str, Any]) -> None:
    forbidden = sorted((_FORBIDDEN | {"provider", "region"}) & options.keys())
    if forbidden:
        raise TypeError(f"{', '.join(forbidden)} cannot be chosen: the configuration sets them")


def _langchain_aws() -> Any:
    try:
        return importlib.import_module("langchain_aws")  # slow, and an extra
    except ImportError:
        raise ImportError("this needs langchain-aws: install bulkhead[langchain]") from None
