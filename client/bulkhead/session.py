"""Two private sessions that never mix: one becomes the fleet role for models, one writes logs.

Both start from the application's own credentials (the caller role). Neither ever consults the
default credential chain, an environment key or a bearer token: a failure is an error, not a
fallback. Record keeping lives in `handler` and `writer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
    ReadOnlyCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session as BotocoreSession
from botocore.tokens import TokenProviderChain

from bulkhead._quiet import quiet_botocore
from bulkhead.config import BulkheadConfig
from bulkhead.destination import Destination, DestinationGuard, GuardedCredentials
from bulkhead.errors import (
    AssumeRoleError,
    DestinationUnknownError,
    SessionError,
    UnknownModelError,
)

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse
    from langchain_core.callbacks import BaseCallbackHandler

BaseSession = boto3.session.Session | BotocoreSession

# A caller role is itself a session, and a session of a session lives at most one hour.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
_SESSION_SECONDS = 3600

# Chat arguments that would bring in other credentials, another endpoint or another model.
_FORBIDDEN = frozenset(
    {
        "api_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "base_model",
        "base_model_id",
        "base_url",
        "bedrock_api_key",
        "bedrock_client",
        "client",
        "config",
        "credentials_profile_name",
        "endpoint_url",
        "model",
        "model_id",
        "region_name",
    }
)
_GEOGRAPHIES = frozenset({"amer", "apac", "au", "ca", "eu", "global", "jp", "sa", "us", "us-gov"})


class ModelSession:
    """Calls Amazon Bedrock as the customer's fleet role.

    base_session  the application's own session (the caller role); the SDK's default if None
    endpoint_url  one endpoint for all services, for a test cloud; otherwise the environment and the
                  profile of `base_session` say, as for any AWS SDK
    client_config merged under what this class pins: SigV4, the region, no bearer token

    The role is assumed at the first call and again before the session expires. Every failure to do
    so raises AssumeRoleError from the call, and no request reaches Bedrock.
    """

    def __init__(
        self,
        config: BulkheadConfig,
        base_session: BaseSession | None = None,
        *,
        endpoint_url: str | None = None,
        client_config: Config | None = None,
    ) -> None:
        base = _botocore(base_session)
        self._config = config
        self._endpoint_url = endpoint_url
        self._session = _private(base)
        source = _credentials(base)
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self._sts,
            source_credentials=source,
            role_arn=config.fleet_role_arn,
            extra_args={
                "RoleSessionName": config.session_name,
                "ExternalId": config.external_id.reveal(),
                "DurationSeconds": _SESSION_SECONDS,
            },
        )
        credentials = DeferredRefreshableCredentials(
            refresh_using=lambda: _assume(fetcher, config), method="bulkhead-fleet-role"
        )
        _install(self._session, credentials)
        pinned = _pinned(config.region, retries={"mode": "standard", "total_max_attempts": 4})
        defaults = Config(read_timeout=300, connect_timeout=10, max_pool_connections=50)
        self._client_config = defaults.merge(client_config or Config()).merge(pinned)
        self._runtime: Any = None
        self._control: Any = None

    @property
    def runtime(self) -> Any:
        """A boto3 `bedrock-runtime` client of the fleet role."""
        if self._runtime is None:
            self._runtime = self._client("bedrock-runtime")
        return self._runtime

    @property
    def control(self) -> Any:
        """A boto3 `bedrock` client of the fleet role. The role may do next to nothing with it."""
        if self._control is None:
            self._control = self._client("bedrock")
        return self._control

    def inference_profile(self, model_id: str) -> str:
        """Return the ARN of the customer's AIP for a model.

        Raises UnknownModelError, which lists the models there are.
        """
        try:
            return self._config.inference_profiles[model_id]
        except KeyError:
            known = ", ".join(sorted(self._config.inference_profiles))
            raise UnknownModelError(
                f"no inference profile for model {model_id!r}; the configuration has {known}"
            ) from None

    def chat(
        self, model_id: str, *, handler: BaseCallbackHandler | None = None, **options: Any
    ) -> ChatBedrockConverse:
        """Return a ChatBedrockConverse that calls `model_id` through the customer's AIP.

        `handler` is added to the callbacks in `options`; the other options (temperature,
        max_tokens, …) go to ChatBedrockConverse. Options that would change credentials, endpoint or
        model raise TypeError. Needs the extra `bulkhead[langchain]`.
        """
        forbidden = sorted(_FORBIDDEN & options.keys())
        if forbidden:
            raise TypeError(f"chat() sets {', '.join(forbidden)} itself")
        try:
            from langchain_aws import ChatBedrockConverse  # slow, and an extra
        except ImportError:
            raise ImportError("chat() needs langchain-aws: install bulkhead[langchain]") from None

        if handler is not None:
            options["callbacks"] = _with_handler(options.get("callbacks"), handler)
        chat = ChatBedrockConverse(
            # Both clients, or langchain-aws builds the missing one from the default chain.
            client=self.runtime,
            bedrock_client=self.control,
            model=self.inference_profile(model_id),
            # Without these two it would ask GetInferenceProfile what the AIP stands for.
            base_model=model_id,
            provider=_provider(model_id),
            region_name=self._config.region,
            # An address of its own keeps LANGSMITH_GATEWAY from naming another one.
            base_url=self.runtime.meta.endpoint_url,
            # Otherwise it keeps a copy of these environment variables in the model object.
            aws_access_key_id=None,
            aws_secret_access_key=None,
            aws_session_token=None,
            **options,
        )
        # It reads AWS_BEARER_TOKEN_BEDROCK whatever is passed; with both clients given, in vain.
        chat.bedrock_api_key = None
        return chat

    def _client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=self._config.region,
            endpoint_url=self._endpoint_url,
            config=self._client_config,
        )

    def _sts(self, service: str, **keys: Any) -> Any:
        """Make the credential fetcher's STS client; `keys` are the caller role's."""
        return self._session.create_client(
            service,
            region_name=self._config.region,
            endpoint_url=self._endpoint_url,
            config=_pinned(self._config.region, **_STS_LIMITS),
            **keys,
        )

    def __repr__(self) -> str:
        return f"ModelSession({self._config.fleet_role_arn!r})"


class LogSession:
    """Writes to the customer's log group with the application's own credentials, and only there.

    Every credential is checked by the guard before it signs its first request to CloudWatch Logs.
    Arguments are those of ModelSession.
    """

    def __init__(
        self,
        config: BulkheadConfig,
        base_session: BaseSession | None = None,
        *,
        endpoint_url: str | None = None,
    ) -> None:
        base = _botocore(base_session)
        self._region = config.log_region
        self._endpoint_url = endpoint_url
        self._session = _private(base)
        self.guard = DestinationGuard(Destination.of(config), self._identify)
        self._credentials = GuardedCredentials(_credentials(base), self.guard)
        _install(self._session, self._credentials)

    def verify(self) -> None:
        """Check the present credentials now.

        Raises DestinationError if they may not write, DestinationUnknownError if STS does not say.
        """
        self._credentials.get_frozen_credentials()

    def client(self) -> Any:
        """Return a new `logs` client. It makes one attempt per call: the writer retries."""
        client = self._session.create_client(
            "logs",
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            config=_pinned(
                self._region,
                connect_timeout=5,
                read_timeout=15,
                max_pool_connections=2,
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )
        client.meta.events.register("before-send.cloudwatch-logs", self.guard.check_signed)
        return client

    def _identify(self, credentials: ReadOnlyCredentials) -> str:
        """Ask STS whose account exactly these credentials belong to."""
        try:
            with quiet_botocore():
                sts: Any = self._session.create_client(
                    "sts",
                    region_name=self._region,
                    endpoint_url=self._endpoint_url,
                    config=_pinned(self._region, **_STS_LIMITS),
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.token,
                )
                return str(sts.get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise DestinationUnknownError(
                f"STS did not say whose account the log credentials belong to ({code_of(error)}); "
                "nothing was written"
            ) from None


_STS_LIMITS: Mapping[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


def code_of(error: BaseException) -> str:
    """Return the AWS error code of a ClientError, else the class name; never the text."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code")
        if code:
            return str(code)
    return type(error).__name__


def _pinned(region: str, **more: Any) -> Config:
    # An auth setting made in code is what keeps AWS_BEARER_TOKEN_BEDROCK out (botocore.handlers).
    return Config(
        region_name=region,
        signature_version="v4",
        auth_scheme_preference="sigv4",  # type: ignore[call-arg]  # missing in the stubs
        **more,
    )


def _botocore(session: BaseSession | None) -> BotocoreSession:
    if isinstance(session, BotocoreSession):
        return session
    inner: BotocoreSession = (session or boto3.session.Session())._session
    return inner


def _credentials(base: BotocoreSession) -> Credentials:
    credentials = base.get_credentials()
    if credentials is None:
        raise SessionError(
            "the application has no AWS credentials of its own; "
            "run it as the caller role, or pass a base session that has them"
        )
    return credentials


def _private(base: BotocoreSession) -> BotocoreSession:
    """Return a session with the base's settings (profile, endpoints, proxies) but no keys."""
    private = BotocoreSession()
    for name, value in base.instance_variables().items():
        if value is not None:
            private.set_config_variable(name, value)
    defaults = base.get_default_client_config()
    if defaults is not None:
        private.set_default_client_config(defaults)
    # Loaded API models are large: share them.
    private.register_component("data_loader", base.get_component("data_loader"))
    private.register_component("credential_provider", CredentialResolver(providers=[]))
    private.register_component("token_provider", TokenProviderChain(providers=[]))
    return private


def _install(session: BotocoreSession, credentials: Credentials) -> None:
    """Make these the only credentials of a session."""
    # botocore has no public way to set refreshable ones; boto3 users do the same.
    session._credentials = credentials  # type: ignore[attr-defined]


def _assume(fetcher: AssumeRoleCredentialFetcher, config: BulkheadConfig) -> dict[str, Any]:
    try:
        with quiet_botocore():
            return dict(fetcher.fetch_credentials())
    except (BotoCoreError, ClientError) as error:
        code = code_of(error)
    # Raised outside the except block: no chained exception can carry request parameters along.
    raise AssumeRoleError(
        f"cannot assume {config.fleet_role_arn} as session {config.session_name}: {code}; "
        "no model was called",
        code,
    )


def _provider(model_id: str) -> str:
    """`anthropic` for `anthropic.claude…` and for `eu.anthropic.claude…`."""
    first, _, rest = model_id.partition(".")
    return rest.partition(".")[0] if first in _GEOGRAPHIES and rest else first


def _with_handler(callbacks: Any, handler: BaseCallbackHandler) -> Any:
    """Add the handler to what LangChain accepts as callbacks: nothing, a list or a manager."""
    if callbacks is None:
        return [handler]
    if isinstance(callbacks, list):
        return callbacks if handler in callbacks else [*callbacks, handler]
    copied = callbacks.copy()
    copied.add_handler(handler, inherit=True)
    return copied
