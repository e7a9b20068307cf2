"""Reads the configuration document: a mapping, a JSON file, or a parameter of SSM.

Terraform writes the document as a parameter of the customer account, and the account's owner keeps
the external id as another, a SecureString that the document names. The application reads both with
its own credentials, before there is any other session. The document says where calls go, so only
the code may name another address to read it from.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnectedError

from bulkhead._quiet import quiet_botocore
from bulkhead.config import BulkheadConfig
from bulkhead.endpoints import Endpoints, Given, direct, merged
from bulkhead.errors import ConfigError, code_of
from bulkhead.session import BaseSession, _botocore
from bulkhead.transport import EXPIRED
from bulkhead.walls import Walls

Source = Mapping[str, object] | str | Path | BulkheadConfig

_SCHEME = "ssm:"
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,1011}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:ssm:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":parameter/[A-Za-z0-9_./-]{1,1011}"
)
# Stands for the external id while the rest of a document is checked.
_UNREAD = "not-read-yet"


def read(
    source: Source,
    base_session: BaseSession | None = None,
    *,
    endpoint_url: Given = None,
    app: str | None = None,
    walls: Walls | None = None,
) -> BulkheadConfig:
    """Return the checked configuration.

    source  a mapping; the path of a JSON file; `ssm:` and the name or ARN of a parameter; or a
            configuration, which is returned. Where the document names an `external_id_parameter`,
            the external id is read from there
    app     takes the place of the document's `app`, where several applications share a document
    endpoint_url  the address of SSM if it is not AWS's own: one for all services, or by service
    walls   what the application chooses about the walls

    Raises ConfigError, which names the source, the field and the fix, and never a secret value;
    EndpointError (one of them) where the environment names an address for SSM; LeakError where a
    proxy could read the external id.
    """
    if isinstance(source, BulkheadConfig):
        if app not in (None, source.app):
            raise ConfigError(
                f"configuration: is of the application {source.app!r}, not {app!r}; "
                "leave `app` away, or give the document"
            )
        return source
    named = "configuration"
    document: Any
    if isinstance(source, str) and source.startswith(_SCHEME):
        named = source
        document = _from_parameter(source.removeprefix(_SCHEME), base_session, endpoint_url, walls)
    elif isinstance(source, str | Path):
        named = str(source)
        if not named.isprintable() or named.lstrip()[:1] in ("{", "["):
            # It is not shown: the external id may stand in it.
            raise ConfigError(
                "configuration: the text given is no path of a file but seems to be a document; "
                "give json.loads() of it"
            )
        document = _file(Path(source))
    else:
        document = source
    document = _with_app(document, app)
    if not isinstance(document, Mapping) or document.get("external_id_parameter") is None:
        return BulkheadConfig.from_mapping(document, source=named)
    if document.get("external_id") is not None:
        raise ConfigError(
            f"{named}: field `external_id` stands beside `external_id_parameter`; "
            "take one of them away"
        )
    # Nothing secret is asked for on behalf of a document that is wrong.
    config = BulkheadConfig.from_mapping({**document, "external_id": _UNREAD}, source=named)
    secret = _external_id(document, named, config, base_session, endpoint_url, walls)
    return BulkheadConfig.from_mapping({**document, "external_id": secret}, source=named)


def _with_app(document: Any, app: str | None) -> Any:
    if app is None or not isinstance(document, Mapping):
        return document
    return {**document, "app": app}


def _file(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not valid JSON") from None
    return _document(text, str(path))


def _from_parameter(
    name: str, base_session: BaseSession | None, endpoint_url: Given, walls: Walls | None
) -> Any:
    source = f"{_SCHEME}{name}"
    if not _ARN.fullmatch(name) and not _NAME.fullmatch(name):
        raise ConfigError(f"{source}: must be `ssm:` and the name or ARN of a parameter")
    kind, text = _get(name, None, source, base_session, endpoint_url, walls)
    document = _document(text, source)
    secret = isinstance(document, Mapping) and document.get("external_id") is not None
    if secret and kind != "SecureString":
        raise ConfigError(
            f"{source}: is a {kind} and holds the external id: keep that in a SecureString and "
            "name it as `external_id_parameter`"
        )
    return document


def _external_id(
    document: Mapping[str, object],
    source: str,
    config: BulkheadConfig,
    base_session: BaseSession | None,
    endpoint_url: Given,
    walls: Walls | None,
) -> str:
    """Read the external id from the parameter that the document names."""
    field = f"{source}: field `external_id_parameter`"
    name = document["external_id_parameter"]
    arn = _ARN.fullmatch(name) if isinstance(name, str) else None
    path = isinstance(name, str) and name.startswith("/") and _NAME.fullmatch(name)
    if not isinstance(name, str) or not (arn or path):
        # What stands there may be the id itself: it is neither shown nor asked for, which
        # CloudTrail would keep.
        raise ConfigError(
            f"{field} must be the name or ARN of a parameter of SSM, and a name begins with /"
        )
    if arn is not None and arn["account"] != config.account_id:
        raise ConfigError(
            f"{field} is of account {arn['account']}, and account_id is {config.account_id}; "
            "the external id is kept in the customer's own account"
        )
    given = merged(endpoint_url, config.endpoint_url)
    kind, value = _get(name, config.log_region, field, base_session, given, walls)
    if kind != "SecureString":
        raise ConfigError(f"{field} is a {kind}: keep the external id in a SecureString")
    return value


def _get(
    name: str,
    region: str | None,
    source: str,
    base_session: BaseSession | None,
    endpoint_url: Given,
    walls: Walls | None,
) -> tuple[str, str]:
    """Type and value of a parameter. Its Region is its ARN's, else `region`, else the session's."""
    problem = None
    base = _botocore(base_session)
    arn = _ARN.fullmatch(name)
    region = arn["region"] if arn else region or base.get_config_variable("region")
    try:
        # The answer may hold the external id.
        with quiet_botocore():
            partition = base.get_partition_for_region(region) if region else "aws"
            allow = () if walls is None else walls.allow
            endpoints = Endpoints(base, endpoint_url, partition, allow)
            config = Config(
                connect_timeout=5,
                read_timeout=10,
                retries={"mode": "standard", "total_max_attempts": 3},
                ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # missing in the stubs
            )
            url = endpoints.url("ssm")
            ssm: Any = base.create_client(
                "ssm", region_name=region, endpoint_url=url, config=direct(config, url)
            )
            endpoints.watch(ssm, "ssm", ssm.meta.region_name)
            parameter = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    except (BotoCoreError, ClientError) as error:
        problem = f"({code_of(error)}); {_advice(error)}"
    if problem is not None:
        # Raised outside the except block: no chained exception can carry an answer along.
        raise ConfigError(f"{source}: cannot be read {problem}")
    return parameter["Type"], parameter["Value"]


def _advice(error: Exception) -> str:
    """What to do where a parameter cannot be read."""
    if isinstance(error, NoRegionError):
        return "name it by its ARN, or give the session a Region"
    if isinstance(error, NotConnectedError | HTTPClientError):
        return "SSM was not reached: check the network, or name its VPC endpoint as endpoint_url"
    unable = isinstance(
        error,
        NoCredentialsError
        | CredentialRetrievalError
        | PartialCredentialsError
        | SSOError
        | TokenRetrievalError,
    )
    if unable or code_of(error) in EXPIRED:
        return (
            "run the application as the caller role, or pass a base session whose credentials hold"
        )
    return (
        "check the name, the Region of the session and that the application's role may do "
        "ssm:GetParameter on it, and kms:Decrypt with a key of your own"
    )


def _document(text: str, source: str) -> Any:
    """What the text says, which need not be a document yet."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        return document
    # The decoder's message is dropped: it may quote the document, and so the external id.
    raise ConfigError(f"{source}: is not valid JSON")
