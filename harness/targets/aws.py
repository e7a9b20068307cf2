"""Real AWS accounts as a target: one profile per account, each service's own endpoints.

Sessions come from the profiles of the person at the terminal and from nothing else: no variable of
the environment picks a profile, a key or an endpoint. Whether a profile is of the account that it
stands for is checked when it is first used. A role that services alone may start has no session
here but through a profile that somebody made for it.
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import configparser
import functools
import io
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from botocore.loaders import Loader, create_loader

from harness.errors import UserError
from harness.targets import wiretap
from harness.targets.base import DEPLOYERS, Deployer, Place, clean_environ, profile_of
from harness.targets.changes import refuse_changes
from harness.targets.profiles import Access

T = TypeVar("T")

HOME_REGION = "us-east-1"
PATIENCE = 120.0
"""Seconds until a new role, key or policy must be seen everywhere."""
_PAUSE = 2.0
_CONFIG: dict[str, Any] = {
    "connect_timeout": 10,
    "read_timeout": 90,
    # Slows down by itself where a service throttles. Denials are not retried.
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    "retries": {"mode": "adaptive", "total_max_attempts": 8},
    "max_pool_connections": 8,
    "ignore_configured_endpoint_urls": True,
}
_NO_PROFILE = {"profile": (None, None, None, None)}
_UNKNOWN_YET = frozenset({"AccessDenied", "InvalidClientTokenId", "NoSuchEntity"})
ENVIRONMENT_TAG = "bulkhead:environment"
RUN_TAG = "bulkhead:run"


@functools.cache
def _loader() -> Loader:
    """Loaded API models, shared by all targets of the process: they are large and never change."""
    return create_loader()


class AwsTarget:
    """Accounts of AWS. Safe for threads. Without `changing`, a call that could change anything is
    refused before it is sent (`changes.ChangeRefused`)."""

    name = "aws"
    real = True
    patience = PATIENCE
    endpoint_url = None

    def __init__(self, access: Access, *, changing: bool = False) -> None:
        """Raises `UserError` where the environment names another endpoint than AWS's own."""
        refuse_endpoints(os.environ)
        self.access = access
        self.changing = changing
        self._lock = threading.RLock()
        self._loader = _loader()
        self._owners: dict[str, boto3.Session] = {}
        self._clients: WeakKeyDictionary[boto3.Session, dict[object, Any]] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"AwsTarget({self.access.environment!r}, run {self.access.run})"

    @property
    def place(self) -> Place:
        return Place(self.name, "", self.access.file.absolute(), Path())

    @property
    def labels(self) -> Mapping[str, str]:
        return {ENVIRONMENT_TAG: self.access.environment, RUN_TAG: self.access.run}

    def session(self, account: str) -> boto3.Session:
        with self._lock:
            if account not in self._owners:
                session = profile_session(self.access, self._profile(account), self._loader)
                found = self.identity(session)
                if found["Account"] != account:
                    raise UserError(
                        f"profile {self._profile(account)} is of account {found['Account']}, not "
                        f"of {account}; name that account's with --profile {account}=NAME"
                    )
                self._owners[account] = session
            return self._owners[account]

    def identity(self, session: boto3.Session) -> dict[str, Any]:
        """Who a session is: `Account`, `Arn`, `UserId`. Raises `UserError` where nobody can tell,
        as with credentials that are expired."""
        sts = self.client(session, "sts", self._main_region())
        try:
            answer: dict[str, Any] = sts.get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"profile {session.profile_name}: {_short(error)}") from error
        return answer

    def deployer_session(self, deployer: Deployer, account: str, *, region: str) -> boto3.Session:
        sts = self.client(self.session(account), "sts", region)
        answer = self._once_known(
            lambda: sts.assume_role(
                RoleArn=self._role_arn(deployer, account), RoleSessionName=deployer
            )
        )
        return self.assumed(answer["Credentials"])

    def caller_session(
        self,
        role_arn: str,
        caller: str,
        *,
        region: str,
        session_name: str = "app",  # noqa: ARG002
    ) -> boto3.Session:
        account = role_arn.split(":")[4]
        profile = self.access.callers.get(account)
        if profile is None:
            raise UserError(
                f"{role_arn} trusts what runs the application ({caller}) and nobody else: for its "
                f"probes, name a profile caller@{account} that has its credentials"
            )
        session = profile_session(self.access, profile, self._loader)
        arn = self.client(session, "sts", region).get_caller_identity()["Arn"]
        if arn.split(":")[4:] != [account, f"assumed-role/{_name(role_arn)}/{_name(arn)}"]:
            raise UserError(f"profile {profile} is {arn}, not a session of {role_arn}")
        return session

    def helper_principal(self, account: str) -> Mapping[str, str]:
        return {"AWS": f"arn:{self.access.partition}:iam::{account}:{self.access.administrator}"}

    def helper_session(
        self, role_arn: str, *, region: str, session_name: str = "app"
    ) -> boto3.Session:
        sts = self.client(self.session(role_arn.split(":")[4]), "sts", region)
        answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        return self.assumed(answer["Credentials"])

    def assumed(self, credentials: Mapping[str, Any]) -> boto3.Session:
        inner = _session(self.access, None, self._loader)
        inner.set_credentials(
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials.get("SessionToken"),
        )
        return boto3.Session(botocore_session=inner)

    def client(self, session: boto3.Session, service: str, region: str, **settings: Any) -> Any:
        key = (service, region, tuple(sorted((k, repr(v)) for k, v in settings.items())))
        with self._lock:
            clients = self._clients.setdefault(session, {})
            if key not in clients:
                made: Any = session.client(  # type: ignore[call-overload]
                    service, region_name=region, config=Config(**(_CONFIG | settings))
                )
                wiretap.attach(made)
                if not self.changing:
                    refuse_changes(made)
                clients[key] = made
            return clients[key]

    def explain(self, request_id: str) -> dict[str, Any] | None:  # noqa: ARG002
        """None: AWS tells nobody by which statement it decided."""
        return None

    def environ(self, account: str | None) -> dict[str, str]:
        environ = clean_environ()
        environ |= {
            "AWS_CONFIG_FILE": str(self._config()),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            "AWS_RETRY_MODE": "adaptive",
            "AWS_MAX_ATTEMPTS": "10",
        }
        # https://registry.terraform.io/providers/hashicorp/aws/latest/docs#default_tags-configuration-block
        environ |= {f"TF_AWS_DEFAULT_TAGS_{key}": value for key, value in self.labels.items()}
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            # Where a proxy of the company's own looks into TLS.
            environ["AWS_CA_BUNDLE"] = bundle
        if account is not None:
            environ["AWS_PROFILE"] = account
        return environ

    def _config(self) -> Path:
        """The configuration of other processes: a profile per account and per deploy role.

        It holds no secret: credentials come from `harness.targets.credentials`.
        """
        command = [sys.executable, "-m", "harness.targets.credentials"]
        file = str(self.access.file.absolute())
        profiles = configparser.RawConfigParser()
        for account in self.access.profiles:
            profiles[f"profile {account}"] = {
                "credential_process": shlex.join([*command, file, account]),
            }
            for deployer in DEPLOYERS:
                profiles[f"profile {profile_of(deployer, account)}"] = {
                    "role_arn": self._role_arn(deployer, account),
                    "role_session_name": deployer,
                    "source_profile": account,
                }
        text = io.StringIO()
        profiles.write(text)
        path = Path(self.access.folder).absolute() / "config"
        with self._lock:
            if not path.exists() or path.read_text(encoding="utf-8") != text.getvalue():
                path.write_text(text.getvalue(), encoding="utf-8")
        return path

    def _role_arn(self, deployer: Deployer, account: str) -> str:
        return f"arn:{self.access.partition}:iam::{account}:role/{DEPLOYERS[deployer]}"

    def _main_region(self) -> str:
        return "us-gov-west-1" if self.access.partition == "aws-us-gov" else HOME_REGION

    def _profile(self, account: str) -> str:
        if account not in self.access.profiles:
            raise UserError(
                f"account {account} is not one of {self.access.environment}, or has no profile; "
                "list it in customers.yaml and name its profile"
            )
        return self.access.profiles[account]

    def _once_known(self, call: Callable[[], T]) -> T:
        """What a call returns that a new role may refuse for a while."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return call()
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code not in _UNKNOWN_YET or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)


def refuse_endpoints(environ: Mapping[str, str]) -> None:
    """Raises `UserError` where a variable would send calls elsewhere than to AWS."""
    named = sorted(name for name in environ if name.startswith("AWS_ENDPOINT_URL"))
    if named:
        raise UserError(
            f"{', '.join(named)} is set, so this would not be AWS; unset it, or use an embedded "
            "cloud without --target aws"
        )


def profile_session(access: Access, profile: str, loader: Loader | None = None) -> boto3.Session:
    """A session of that profile. Raises `UserError` where there is no such profile, or what is
    behind it gives no credentials."""
    inner = _session(access, profile, loader)
    try:
        found = inner.get_credentials()
    except ProfileNotFound as error:
        raise UserError(f"{access.config}: no profile {profile}") from error
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"profile {profile}: {_short(error)}") from error
    if found is None:
        raise UserError(f"profile {profile} gives no credentials")
    return boto3.Session(botocore_session=inner)


def _session(
    access: Access, profile: str | None, loader: Loader | None
) -> botocore.session.Session:
    """A session that takes nothing from the environment but proxies and trusted authorities."""
    inner = botocore.session.Session(session_vars=_NO_PROFILE, profile=profile)
    if loader is not None:
        inner.register_component("data_loader", loader)
    files = (access.config, access.credentials) if profile else (os.devnull, os.devnull)
    inner.set_config_variable("config_file", files[0])
    inner.set_config_variable("credentials_file", files[1])
    inner.set_config_variable("region", HOME_REGION)
    inner.set_config_variable("ignore_configured_endpoint_urls", True)
    return inner


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _short(error: BotoCoreError | ClientError) -> str:
    """What went wrong, without anything that was sent."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code.startswith("ExpiredToken"):
            return "its credentials are expired; sign in again"
        return f"AWS answers {code}"
    text = " ".join(str(error).split())
    return f"{text}; sign in again" if "SSO" in type(error).__name__ else text
