"""Which addresses calls may go to: AWS's own for the region, or what the code or document names.

The environment (`AWS_ENDPOINT_URL…`) and the AWS configuration file can send prompts anywhere
without a trace in the application, so an address found there is refused. Redirects are not
followed: botocore follows none for these services, and each request is looked at before it leaves.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.session import Session as BotocoreSession
from botocore.utils import get_environ_proxies

from bulkhead import leaks
from bulkhead.errors import EndpointError, RequestRefusedError

SERVICES = ("bedrock", "bedrock-runtime", "logs", "ssm", "sts")

# Domain and dual-stack domain of each partition, as in botocore's partitions.json.
SUFFIXES: Mapping[str, tuple[str, str]] = {
    "aws": ("amazonaws.com", "api.aws"),
    "aws-cn": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "aws-eusc": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "aws-iso": ("c2s.ic.gov", "api.aws.ic.gov"),
    "aws-iso-b": ("sc2s.sgov.gov", "api.aws.scloud"),
    "aws-iso-e": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "aws-iso-f": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "aws-us-gov": ("amazonaws.com", "api.aws"),
}
_LOOPBACK = re.compile(r"127(\.[0-9]{1,3}){3}|::1|([a-z0-9-]+\.)*localhost", re.IGNORECASE)

Given = str | Mapping[str, str] | None


class Endpoints:
    """The addresses of one session.

    base       the application's session, whose settings may name addresses
    given      one address for all services, or addresses by service (`SERVICES`); they come from
               the code or the checked configuration
    partition  AWS's, as in ARNs
    allow      names of `walls.ALLOWED`

    Raises EndpointError for an address that prompts must not travel to.
    """

    def __init__(
        self,
        base: BotocoreSession,
        given: Given,
        partition: str,
        allow: Collection[str] = (),
    ) -> None:
        self._base = base
        self._allow = allow
        self._given = by_service(given, "endpoint_url")
        self._partition = partition

    def url(self, service: str) -> str | None:
        """The address named for a service; None for AWS's own.

        Raises EndpointError if only the environment or the AWS configuration file names one.
        """
        given = self._given.get(service)
        if given is None and self._configured(service):
            variable = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
            raise EndpointError(
                f"the environment (AWS_ENDPOINT_URL or {variable}) or the AWS configuration file "
                f"names an address for {service}; remove it, or name the address as endpoint_url "
                "in the configuration or the code"
            )
        return given

    def watch(self, client: Any, service: str, region: str) -> None:
        """Check a new client's address, and from now on that of each request it sends.

        Raises EndpointError for a client of another region or address, LeakError where a proxy or
        whoever has a file could open what is sent, or something else was given the client when it
        was made.
        """
        leaks.refuse_plugins(self._allow)
        self._refuse_readers(client, service)
        parts = urlsplit(client.meta.endpoint_url)
        if service not in self._given and not self._is_aws(parts, service, region):
            raise EndpointError(
                f"the address of {service} is {parts.hostname}, which is not AWS's in {region}; "
                "check AWS_DATA_PATH and the models in the AWS configuration folder"
            )
        wanted = _origin(parts)
        usual = f"{parts.scheme}://{parts.netloc}/"

        def look(request: Any, **_: Any) -> None:
            url = request.url
            if not url.startswith(usual) and _origin(urlsplit(url)) != wanted:
                raise RequestRefusedError(
                    f"a request to {service} was for another address than {wanted[1]}; "
                    "it was not sent"
                )

        client.meta.events.register("before-send", look)

    def _refuse_readers(self, client: Any, service: str) -> None:
        url = client.meta.endpoint_url
        proxies = client.meta.config.proxies
        if proxies is None:
            proxies = get_environ_proxies(url)
        # What botocore verifies certificates with, if not with its own.
        bundle = self._base.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        encrypted = url.startswith("https:")
        proxied = encrypted and bool(proxies.get("https"))
        leaks.refuse_proxy(service, proxied, bundle, self._allow)
        leaks.refuse_keylog(service, encrypted, self._allow)

    def _configured(self, service: str) -> bool:
        base = self._base
        if base.get_config_variable("ignore_configured_endpoint_urls"):
            return False
        provider = ConfiguredEndpointProvider(
            full_config=base.full_config,
            scoped_config=base.get_scoped_config(),
            client_name=service,
        )
        return provider.provide() is not None

    def _is_aws(self, parts: SplitResult, service: str, region: str) -> bool:
        hosts = {
            f"{service}{fips}.{region}.{suffix}"
            for fips in ("", "-fips")
            for suffix in SUFFIXES.get(self._partition, ())
        }
        return parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in hosts


def direct(config: Config, url: str | None) -> Config:
    """Return `config` without proxies for an address that is not encrypted: this machine's.

    botocore would send it to HTTP_PROXY, which then reads prompts, keys' tokens and external ids.
    """
    if url is None or url.startswith("https:"):
        return config
    return config.merge(Config(proxies={}))


def merged(given: Given, configured: Mapping[str, str] | None) -> dict[str, str]:
    """What the code gives, service by service, and the configuration's addresses for the others.

    Raises EndpointError as `by_service` does.
    """
    return {**(configured or {}), **by_service(given, "endpoint_url")}


def by_service(given: Given, field: str, *, aws_only: bool = False) -> dict[str, str]:
    """Check what was given and return the address of each service that has one.

    aws_only  addresses must be AWS's (such as VPC endpoints) or of this machine
    Raises EndpointError naming `field`.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        given = dict.fromkeys(SERVICES, given)
    if not isinstance(given, Mapping):
        raise EndpointError(f"field `{field}` must be an address, or addresses by service")
    for service, url in given.items():
        if service not in SERVICES:
            raise EndpointError(
                f"field `{field}` names the service {service!r}; "
                f"the services are {', '.join(SERVICES)}"
            )
        _check(url, field, aws_only)
    return dict(given)


def _check(url: object, field: str, aws_only: bool) -> None:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or parts.username or parts.password or parts.query or parts.fragment:
        raise EndpointError(f"field `{field}` must hold addresses such as https://host:port")
    here = bool(_LOOPBACK.fullmatch(host))
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise EndpointError(
            f"field `{field}` must begin with https:// (http:// only for this machine), "
            f"or prompts would travel unencrypted to {host}"
        )
    suffixes = {suffix for pair in SUFFIXES.values() for suffix in pair}
    if aws_only and not here and not any(host.endswith(f".{suffix}") for suffix in suffixes):
        raise EndpointError(
            f"field `{field}` names {host}, which is not an address of AWS; "
            "only the code may name another, as the argument endpoint_url"
        )


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, parts.hostname or "", parts.port
