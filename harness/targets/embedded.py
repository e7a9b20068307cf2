"""The embedded cloud as a target: one endpoint on this machine, one profile per account.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html says how the SDKs and the
Terraform provider take `AWS_ENDPOINT_URL`; no HCL and no client code knows of it.
"""

from __future__ import annotations

import configparser
import copy
import functools
import io
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import boto3
import botocore.session
from botocore.config import Config
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import Loader, create_loader

from harness.cloud.process import CloudProcess
from harness.errors import UserError
from harness.targets import wiretap
from harness.targets.base import (
    CALLER_TYPES,
    DEPLOYERS,
    SERVICE_PRINCIPALS,
    Deployer,
    Place,
    clean_environ,
    profile_of,
    role_arn,
)
from harness.targets.clients import OWN, known, rebound

HOME_REGION = "us-east-1"
"""Where sessions without a region of their own start, and the region of the global services."""

_HELPER = "lambda"
_ACCOUNT = re.compile(r"[0-9]{12}")

# Denials are answers, not failures: neither is retried. Connections that drop are.
_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "proxies": {},
    "max_pool_connections": 16,
    # One endpoint serves all: there is no streaming- or account-specific host in front of it.
    "inject_host_prefix": False,
}

# The profile is asked of no variable: an AWS_PROFILE that no file knows would fail every session.
_NO_PROFILE = {"profile": (None, None, None, None)}


@functools.cache
def _handlers() -> HierarchicalEmitter:
    """What botocore does with every call. To inspect and register its hundred handlers takes most
    of the time that a session takes; to copy them next to none."""
    emitter = HierarchicalEmitter()
    botocore.session.Session(session_vars=_NO_PROFILE, event_hooks=emitter)
    return emitter


@functools.cache
def _loader() -> Loader:
    """Loaded API models, shared by all targets of the process: they are large and never change."""
    return create_loader()


class Cloud(Protocol):
    """What a running cloud tells of itself; `harness.cloud.process.CloudProcess` is one."""

    @property
    def endpoint(self) -> str: ...
    @property
    def credentials(self) -> Path: ...
    @property
    def control(self) -> Path: ...


class EmbeddedTarget:
    """A running embedded cloud.

    Safe for threads. Sessions of administrators and clients are kept, since making one costs tens
    of milliseconds.
    """

    name = "embedded"
    real = False
    patience = 0.0

    def __init__(self, cloud: Cloud) -> None:
        self._endpoint_url = cloud.endpoint
        self._credentials = cloud.credentials
        self._control = cloud.control
        self._lock = threading.RLock()
        self._loader = _loader()
        self._administrators: dict[str, boto3.Session] = {}
        self._models: dict[object, Any] = {}
        """A client of each kind, to make those of other sessions from."""
        self._clients: WeakKeyDictionary[boto3.Session, dict[object, Any]] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"EmbeddedTarget({self._endpoint_url!r})"

    @property
    def endpoint_url(self) -> str:
        return self._endpoint_url

    @property
    def credentials(self) -> Path:
        """The shared credentials file: one profile per account, named by the account id."""
        return self._credentials

    @property
    def control(self) -> Path:
        """The socket through which the cloud's process is controlled."""
        return self._control

    @property
    def place(self) -> Place:
        return Place(
            self.name, self._endpoint_url, self._credentials.absolute(), self._control.absolute()
        )

    @property
    def labels(self) -> Mapping[str, str]:
        """None: the whole cloud goes when it is no more needed."""
        return {}

    def session(self, account: str) -> boto3.Session:
        with self._lock:
            if account not in self._administrators:
                self._administrators[account] = self._profile(account)
            return self._administrators[account]

    def deployer_session(self, deployer: Deployer, account: str, *, region: str) -> boto3.Session:
        answer = self.client(self.session(account), "sts", region).assume_role(
            RoleArn=role_arn(deployer, account), RoleSessionName=deployer
        )
        return self.assumed(answer["Credentials"])

    def caller_session(
        self, role_arn: str, caller: str, *, region: str, session_name: str = "app"
    ) -> boto3.Session:
        if caller not in CALLER_TYPES:
            raise UserError(f"caller must be one of {', '.join(CALLER_TYPES)}, not {caller!r}")
        account = role_arn.split(":")[4]
        service = self._profile(f"{SERVICE_PRINCIPALS[caller]}@{account}")
        answer = self.client(service, "sts", region).assume_role(
            RoleArn=role_arn, RoleSessionName=session_name
        )
        return self.assumed(answer["Credentials"])

    def helper_principal(self, account: str) -> Mapping[str, str]:  # noqa: ARG002
        return {"Service": SERVICE_PRINCIPALS[_HELPER]}

    def helper_session(
        self, role_arn: str, *, region: str, session_name: str = "app"
    ) -> boto3.Session:
        return self.caller_session(role_arn, _HELPER, region=region, session_name=session_name)

    def assumed(self, credentials: Mapping[str, Any]) -> boto3.Session:
        return self._static(
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials.get("SessionToken"),
        )

    def client(self, session: boto3.Session, service: str, region: str, **settings: Any) -> Any:
        key = (service, region, tuple(sorted((k, repr(v)) for k, v in settings.items())))
        with self._lock:
            # boto3 does not allow two threads to make clients of one session at once.
            clients = self._clients.setdefault(session, {})
            if key not in clients:
                model = self._models.get(key)
                if model is not None:
                    clients[key] = rebound(model, session)
                else:
                    clients[key] = session.client(  # type: ignore[call-overload]
                        service,
                        region_name=region,
                        endpoint_url=self._endpoint_url,
                        config=Config(**(_CONFIG | settings)),
                    )
                    wiretap.attach(clients[key], self.explain)
                    if service not in OWN:
                        # A copy: whoever asked for the client may register more with it.
                        self._models[key] = rebound(clients[key], session)
            return clients[key]

    def explain(self, request_id: str) -> dict[str, Any] | None:
        cloud = CloudProcess.attach(self._endpoint_url, self._credentials, self._control)
        return cloud.explain(request_id)

    def environ(self, account: str | None) -> dict[str, str]:
        environ = clean_environ()
        loopback = "127.0.0.1,localhost"
        for name in ("NO_PROXY", "no_proxy"):
            environ[name] = f"{environ[name]},{loopback}" if environ.get(name) else loopback
        environ |= {
            "AWS_ENDPOINT_URL": self._endpoint_url,
            # Where a profile names a role, the Terraform provider asks STS, and heeds this alone.
            "AWS_ENDPOINT_URL_STS": self._endpoint_url,
            "AWS_SHARED_CREDENTIALS_FILE": str(self._credentials),
            # Somebody's own configuration could name a role, a region or an endpoint.
            "AWS_CONFIG_FILE": str(self._config()),
            "AWS_EC2_METADATA_DISABLED": "true",
            # The provider's default of 25 turns one refused call into minutes.
            "AWS_MAX_ATTEMPTS": "3",
        }
        if account is not None:
            environ["AWS_PROFILE"] = account
        return environ

    def _config(self) -> Path:
        """The file beside the credentials that says who becomes the deploy roles: each account's
        administrator those of its account. It holds no secret."""
        profiles = configparser.RawConfigParser()
        for account in filter(_ACCOUNT.fullmatch, self._profiles().sections()):
            for deployer in DEPLOYERS:
                profiles[f"profile {profile_of(deployer, account)}"] = {
                    "role_arn": role_arn(deployer, account),
                    "role_session_name": deployer,
                    "source_profile": account,
                }
        text = io.StringIO()
        profiles.write(text)
        path = self._credentials.with_name("config")
        if not path.exists() or path.read_text(encoding="utf-8") != text.getvalue():
            temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
            temporary.write_text(text.getvalue(), encoding="utf-8")
            temporary.replace(path)
        return path

    def _profiles(self) -> configparser.RawConfigParser:
        profiles = configparser.RawConfigParser()
        try:
            profiles.read_string(self._credentials.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(
                f"{self._credentials}: cannot be read ({error.strerror}); is the cloud running?"
            ) from error
        return profiles

    def _profile(self, name: str) -> boto3.Session:
        profiles = self._profiles()
        if not profiles.has_section(name):
            raise UserError(
                f"{self._credentials}: no profile [{name}]; the cloud has no such account"
            )
        profile = profiles[name]
        return self._static(
            profile["aws_access_key_id"],
            profile["aws_secret_access_key"],
            profile.get("aws_session_token"),
        )

    def _static(self, key: str, secret: str, token: str | None) -> boto3.Session:
        """A session of these credentials that looks at no file and no environment variable."""
        inner = botocore.session.Session(
            session_vars=_NO_PROFILE,
            event_hooks=copy.copy(_handlers()),
            include_builtin_handlers=False,
        )
        known(inner.get_component("event_emitter"))
        inner.register_component("data_loader", self._loader)
        inner.set_config_variable("config_file", os.devnull)
        inner.set_config_variable("credentials_file", os.devnull)
        inner.set_config_variable("region", HOME_REGION)
        inner.set_credentials(key, secret, token)
        return boto3.Session(botocore_session=inner)
