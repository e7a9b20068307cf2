"""Two private sessions that never mix: one becomes the fleet role for models, one writes logs.

Both start from the application's own credentials (the caller role). Neither ever consults the
default credential chain, an environment key or a bearer token: a failure is an error, not a
fallback. How the role is assumed is `fleet`'s matter, what each call passes `calls`'s; record
keeping lives in `handler` and `writer`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.credentials import CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session as BotocoreSession
from botocore.tokens import TokenProviderChain

from bulkhead import _fork, _haste, leaks
from bulkhead._quiet import quiet_botocore
from bulkhead.calls import Calls
from bulkhead.config import BulkheadConfig
from bulkhead.credentials import SessionCredentials
from bulkhead.destination import Destination, DestinationGuard, GuardedCredentials
from bulkhead.endpoints import Endpoints, Given, direct, merged
from bulkhead.errors import (
    DestinationUnknownError,
    SessionError,
    UnknownModelError,
    code_of,
)
from bulkhead.fleet import Fleet
from bulkhead.gate import Gate, signed_by
from bulkhead.quota import Quota
from bulkhead.salt import Salt, salt_of
from bulkhead.walls import Walls

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse
    from langchain_core.callbacks import BaseCallbackHandler

__all__ = ["BaseSession", "LogSession", "ModelSession", "code_of"]

M = TypeVar("M")

BaseSession = boto3.session.Session | BotocoreSession

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
    endpoint_url  where calls go instead of AWS's own addresses: one for all services, or by service
                  (`bedrock-runtime`, `bedrock`, `sts`, `logs`); the configuration's for services
                  that it does not name
    client_config merged under what this class pins: SigV4, the region, no bearer token
    walls         what the application chooses about the walls

    The role is assumed at the first call, and again in the background before the session expires.
    Every failure to do so raises AssumeRoleError from the call, and no request reaches Bedrock.

    Raises SessionError without credentials, EndpointError where the environment or the AWS
    configuration file names an address, LeakError where something else would see the prompts.
    """

    def __init__(
        self,
        config: BulkheadConfig,
        base_session: BaseSession | None = None,
        *,
        endpoint_url: Given = None,
        client_config: Config | None = None,
        walls: Walls | None = None,
    ) -> None:
        walls = walls or Walls()
        leaks.refuse_environment(walls.allow)
        base = _botocore(base_session)
        self._config = config
        self._walls = walls
        self._endpoints = _endpoints(base, config, endpoint_url, walls)
        self._making = threading.Lock()  # clients of one session are made one at a time
        self._session = _private(base)
        self._fleet = Fleet(config, walls, self._sts, _credentials(base))
        self._credentials = SessionCredentials(self._fleet.assume)
        _install(self._session, self._credentials)
        self.quota = Quota(config.quotas, share=walls.quota_share, wait=walls.quota_wait)
        models = {arn: model for model, arn in config.inference_profiles.items()}
        self._calls = Calls(
            walls,
            model_of=lambda target: models.get(str(target)),
            quota=self.quota,
            ended=lambda: self._credentials.discard(signed_by.get()),
        )
        self._salt = Salt(salt_of(config), always=walls.cache_salt == "always")
        self._session.register("creating-client-class.bedrock-runtime", self._calls.add_to)
        emitter = self._session.get_component("event_emitter")
        emitter.register_last("creating-client-class", self._calls.sign_no_urls)
        pinned = _pinned(config.region, retries={"mode": "standard", "total_max_attempts": 4})
        defaults = Config(read_timeout=300, connect_timeout=10, max_pool_connections=50)
        self._client_config = defaults.merge(client_config or Config()).merge(pinned)
        self._runtime: Any = None
        self._control: Any = None
        # Addresses are settled now, not at the first call.
        for service in ("sts", "bedrock", "bedrock-runtime"):
            self._endpoints.url(service)
        _fork.watch(self)

    @property
    def runtime(self) -> Any:
        """A boto3 `bedrock-runtime` client of the fleet role."""
        with self._making:
            if self._runtime is None:
                self._runtime = self._client("bedrock-runtime")
        return self._runtime

    @property
    def control(self) -> Any:
        """A boto3 `bedrock` client of the fleet role. The role may do next to nothing with it."""
        with self._making:
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
        chat: ChatBedrockConverse = self.walled(ChatBedrockConverse)(
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
        return without_bearer(chat)

    def walled(self, model_class: type) -> type:
        """Return a LangChain model class whose runs are refused where something else sees them.

        For models that `chat` does not make: give them `runtime` and `control` as their clients.
        Raises LeakError where something would see all of them.
        """
        leaks.refuse_environment(self._walls.allow)
        leaks.silence_langchain(self._walls.allow)
        return leaks.walled(model_class, frozenset(self._walls.allow))

    @property
    def policy(self) -> str:
        """The inline session policy, which narrows what a stolen session could do."""
        return self._fleet.policy

    def close(self, closed: bool = True) -> None:
        """Refuse calls of models from now on, with ClosedError."""
        self._calls.closed = closed

    def reset_after_fork(self) -> None:
        """Give the child connections of its own; those of the parent stay the parent's."""
        self._making = threading.Lock()
        for client in (self._runtime, self._control):
            if client is not None:
                _reconnect(client)

    def _client(self, service: str) -> Any:
        client = self._session.create_client(
            service,
            region_name=self._config.region,
            endpoint_url=self._endpoints.url(service),
            config=direct(self._client_config, self._endpoints.url(service)),
        )
        self._endpoints.watch(client, service, self._config.region)
        gate = Gate("bedrock", self._config.region, self._credentials.knows)
        events = client.meta.events
        events.register("before-send", gate.check)
        events.register("before-send.bedrock-runtime", self._calls.refuse_closed)
        events.register("before-parameter-build", self._salt.before_parameter_build)
        return client

    def _sts(self, keys: ReadOnlyCredentials) -> Any:
        with self._making:
            return _sts(self._session, self._endpoints, self._config.region, keys)

    def __repr__(self) -> str:
        return f"ModelSession({self._config.fleet_role_arn!r})"


class LogSession:
    """Writes to the customer's log group with the application's own credentials, and only there.

    Every credential is checked by the guard before it signs its first request to CloudWatch Logs.
    Arguments and errors are those of ModelSession.
    """

    def __init__(
        self,
        config: BulkheadConfig,
        base_session: BaseSession | None = None,
        *,
        endpoint_url: Given = None,
        walls: Walls | None = None,
    ) -> None:
        walls = walls or Walls()
        base = _botocore(base_session)
        self._region = config.log_region
        self._endpoints = _endpoints(base, config, endpoint_url, walls)
        self._session = _private(base)
        self._session.register("creating-client-class.cloudwatch-logs", Calls(walls).add_to)
        for service in ("sts", "logs"):
            self._endpoints.url(service)
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
            endpoint_url=self._endpoints.url("logs"),
            config=direct(
                _pinned(
                    self._region,
                    connect_timeout=_haste.at_most(5),
                    read_timeout=_haste.at_most(15),
                    max_pool_connections=2,
                    retries={"mode": "standard", "total_max_attempts": 1},
                ),
                self._endpoints.url("logs"),
            ),
        )
        self._endpoints.watch(client, "logs", self._region)
        client.meta.events.register("before-send.cloudwatch-logs", self.guard.check_signed)
        return client

    def _identify(self, credentials: ReadOnlyCredentials) -> str:
        """Ask STS whose account exactly these credentials belong to."""
        try:
            with quiet_botocore():
                sts = _sts(self._session, self._endpoints, self._region, credentials)
                return str(sts.get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            code = code_of(error)
        # Outside the except block: STS's answer and the keys' frames do not come along.
        raise DestinationUnknownError(
            f"STS did not say whose account the log credentials belong to ({code}); "
            "nothing was written"
        )

    def __repr__(self) -> str:
        return f"LogSession({self.guard.destination.log_group_name!r})"


def _endpoints(
    base: BotocoreSession, config: BulkheadConfig, given: Given, walls: Walls
) -> Endpoints:
    partition = config.fleet_role_arn.split(":")[1]
    return Endpoints(base, merged(given, config.endpoint_url), partition, walls.allow)


def _sts(
    session: BotocoreSession, endpoints: Endpoints, region: str, keys: ReadOnlyCredentials
) -> Any:
    """Make an STS client that signs with exactly these keys, at the region's own address."""
    client = session.create_client(
        "sts",
        region_name=region,
        endpoint_url=endpoints.url("sts"),
        config=direct(
            _pinned(
                region,
                connect_timeout=_haste.at_most(5),
                read_timeout=_haste.at_most(10),
                retries={
                    "mode": "standard",
                    "total_max_attempts": 1 if _haste.hurried() else 3,
                },
            ),
            endpoints.url("sts"),
        ),
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
    )
    endpoints.watch(client, "sts", region)
    known: Callable[[str], bool] = keys.access_key.__eq__
    client.meta.events.register("before-send", Gate("sts", region, known).check)
    return client


def _reconnect(client: Any) -> None:
    """Replace what holds a client's connections, and the locks of its pools, in a forked child."""
    http = client._endpoint.http_session
    with contextlib.suppress(AttributeError):  # a session of another make
        fresh = type(http._manager)(**http._get_pool_manager_kwargs())
        fresh.pool_classes_by_scheme = http._pool_classes_by_scheme
        http._manager, http._proxy_managers = fresh, {}


def _pinned(region: str, **more: Any) -> Config:
    # An auth setting made in code is what keeps AWS_BEARER_TOKEN_BEDROCK out (botocore.handlers).
    return Config(
        region_name=region,
        signature_version="v4",
        auth_scheme_preference="sigv4",  # type: ignore[call-arg]  # missing in the stubs
        ignore_configured_endpoint_urls=True,
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
    # The old setting would send STS requests to us-east-1.
    private.set_config_variable("sts_regional_endpoints", "regional")
    # Client-side monitoring sends each call, its session token and AWS's texts of errors to
    # whatever host the environment or the configuration file names.
    private.set_config_variable("csm_enabled", False)
    # Loaded API models are large: share them.
    private.register_component("data_loader", base.get_component("data_loader"))
    private.register_component("credential_provider", CredentialResolver(providers=[]))
    private.register_component("token_provider", TokenProviderChain(providers=[]))
    return private


def _install(session: BotocoreSession, credentials: Credentials) -> None:
    """Make these the only credentials of a session."""
    # botocore has no public way to set refreshable ones; boto3 users do the same.
    session._credentials = credentials  # type: ignore[attr-defined]


def _provider(model_id: str) -> str:
    """`anthropic` for `anthropic.claude…` and for `eu.anthropic.claude…`."""
    first, _, rest = model_id.partition(".")
    return rest.partition(".")[0] if first in _GEOGRAPHIES and rest else first


def without_bearer(model: M) -> M:
    """Take from a LangChain model the key that it reads from AWS_BEARER_TOKEN_BEDROCK.

    It would not be used, since the model is given its clients; older releases read none.
    """
    if "bedrock_api_key" in type(model).model_fields:  # type: ignore[attr-defined]
        model.bedrock_api_key = None  # type: ignore[attr-defined]
    return model


def _with_handler(callbacks: Any, handler: BaseCallbackHandler) -> Any:
    """Add the handler to what LangChain accepts as callbacks: nothing, a list or a manager."""
    if callbacks is None:
        return [handler]
    if isinstance(callbacks, list):
        return callbacks if handler in callbacks else [*callbacks, handler]
    copied = callbacks.copy()
    copied.add_handler(handler, inherit=True)
    return copied
