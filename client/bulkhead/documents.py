"""Reads the configuration document: a mapping, a JSON file, or a parameter of SSM.

Terraform writes the document as a SecureString parameter of the customer account; the application
reads it with its own credentials, before there is any other session. The document says where calls
go, so only the code may name another address to read it from.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bulkhead._quiet import quiet_botocore
from bulkhead.config import BulkheadConfig
from bulkhead.endpoints import Endpoints, Given
from bulkhead.errors import ConfigError, code_of
from bulkhead.session import BaseSession, _botocore

Source = Mapping[str, object] | str | Path | BulkheadConfig

_SCHEME = "ssm:"
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,1011}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:ssm:(?P<region>[a-z0-9-]+):[0-9]{12}:parameter/[A-Za-z0-9_./-]{1,1011}"
)


def read(
    source: Source,
    base_session: BaseSession | None = None,
    *,
    endpoint_url: Given = None,
    app: str | None = None,
) -> BulkheadConfig:
    """Return the checked configuration.

    source  a mapping; the path of a JSON file; `ssm:` and the name or ARN of a SecureString
            parameter; or a configuration, which is returned
    app     takes the place of the document's `app`, where several applications share a document
    endpoint_url  the address of SSM if it is not AWS's own: one for all services, or by service

    Raises ConfigError, which names the source, the field and the fix, and never a secret value;
    EndpointError (one of them) where the environment names an address for SSM.
    """
    if isinstance(source, BulkheadConfig):
        return source
    named = "configuration"
    if isinstance(source, str) and source.startswith(_SCHEME):
        named = source
        document = _parameter(source.removeprefix(_SCHEME), base_session, endpoint_url)
    elif isinstance(source, str | Path):
        named = str(source)
        document = _file(Path(source))
    else:
        document = source
    if app is not None and isinstance(document, Mapping):
        document = {**document, "app": app}
    return BulkheadConfig.from_mapping(document, source=named)


def _file(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not valid JSON") from None
    return _document(text, str(path))


def _parameter(
    name: str, base_session: BaseSession | None, endpoint_url: Given
) -> Mapping[str, object]:
    source = f"{_SCHEME}{name}"
    arn = _ARN.fullmatch(name)
    if arn is None and not _NAME.fullmatch(name):
        raise ConfigError(f"{source}: must be `ssm:` and the name or ARN of a parameter")
    problem = None
    base = _botocore(base_session)
    region = arn["region"] if arn else base.get_config_variable("region")
    try:
        # The answer holds the external id.
        with quiet_botocore():
            partition = base.get_partition_for_region(region) if region else "aws"
            endpoints = Endpoints(base, endpoint_url, partition)
            ssm: Any = base.create_client(
                "ssm",
                region_name=region,
                endpoint_url=endpoints.url("ssm"),
                config=Config(
                    connect_timeout=5,
                    read_timeout=10,
                    retries={"mode": "standard", "total_max_attempts": 3},
                    ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # missing in the stubs
                ),
            )
            endpoints.watch(ssm, "ssm", ssm.meta.region_name)
            parameter = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    except (BotoCoreError, ClientError) as error:
        problem = code_of(error)
    if problem is not None:
        # Raised outside the except block: no chained exception can carry an answer along.
        raise ConfigError(
            f"{source}: cannot be read ({problem}); check the name, the Region of the session and "
            "that the application's role may do ssm:GetParameter and kms:Decrypt"
        )
    if parameter["Type"] != "SecureString":
        raise ConfigError(
            f"{source}: is a {parameter['Type']} and holds the external id: make it a SecureString"
        )
    return _document(parameter["Value"], source)


def _document(text: str, source: str) -> Mapping[str, object]:
    try:
        document: Mapping[str, object] = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        return document
    # The decoder's message is dropped: it may quote the document, and so the external id.
    raise ConfigError(f"{source}: is not valid JSON")
