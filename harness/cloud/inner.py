"""The inner app: moto, in this process, behind the gateway.

It keeps the resources of the services that the embedded cloud does not play itself. It never
authenticates and never decides; the gateway tells it on whose behalf a request runs.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

# Before any moto backend exists: AWS's managed policies can be attached in every account.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

import moto.backends as moto_backends
import moto.iam.models
from botocore.parsers import create_parser
from moto.core.responses import BaseResponse
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket

from harness.cloud.call import Call
from harness.cloud.http_request import Body
from harness.cloud.iam_principals import adapt_principals
from harness.cloud.key_states import adapt_key_names
from harness.cloud.log_classes import adapt_log_groups
from harness.cloud.log_filters import adapt_filters
from harness.cloud.log_identifiers import adapt_identifiers
from harness.cloud.log_masking import adapt_masking
from harness.cloud.observability.outlets import adapt_descriptions
from harness.cloud.observability.query_columns import adapt_queries
from harness.cloud.secure_strings import adapt_secure_strings
from harness.cloud.stream_iterators import adapt_iterators
from harness.cloud.wire import Operation

_log = logging.getLogger(__name__)
_DECIDED = "bulkhead.decided"
"""Where the environ carries the operation and the Region that the gateway decided on."""
_DAY = "20000101"
# moto's names for services, where they are not botocore's.
_MODULES = {"lambda": "awslambda", "bedrock-runtime": "bedrockruntime"}


@dataclass(slots=True)
class InnerResponse:
    """A complete response of the inner app."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class InnerApp(Protocol):
    """What keeps the resources that the gateway decides on."""

    def handle(self, operation: Operation, call: Call, account: str) -> InnerResponse:
        """Have a decided operation done on behalf of `account`. Raises `ApiError`."""


def parsed(operation: Operation, response: InnerResponse) -> Mapping[str, Any]:
    """The members of a response."""
    parser = create_parser(operation.protocol)
    shape: Any = operation.model.output_shape
    members: Mapping[str, Any] = parser.parse(
        {"status_code": response.status, "headers": dict(response.headers), "body": response.body},
        shape,
    )
    return members


class _Dispatcher(DomainDispatcherApplication):
    """Sends a request to the service that the gateway decided on; headers and paths choose none."""

    def get_application(self, environ: dict[str, Any]) -> Any:
        service = environ[_DECIDED][0].service
        module: Any = _MODULES.get(service, service)
        with self.lock:
            if module not in self.app_instances:
                self.app_instances[module] = self.create_app(module)
            return self.app_instances[module]


class MotoApp:
    """moto's WSGI dispatcher, called in process. One per cloud."""

    def __init__(self) -> None:
        _adapt_moto()
        self._app = _Dispatcher(create_backend_app)
        self._modules = frozenset(moto_backends.list_of_moto_modules())
        # moto looks through its tables while other threads would add to them. It only computes, so
        # that taking turns costs nothing; a call may lead to another in its own thread.
        self._turn = threading.RLock()

    def handle(self, operation: Operation, call: Call, account: str) -> InnerResponse:
        """Have a decided operation done on behalf of `account`. An exception inside is a 501."""
        if _MODULES.get(operation.service, operation.service) not in self._modules:
            return InnerResponse(status=501)
        response = InnerResponse(status=500)

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: object = None
        ) -> None:
            response.status = int(status.split(" ", 1)[0])
            response.headers = headers

        chunks: Iterable[bytes] = ()
        try:
            with self._turn:
                chunks = self._app(_environ(operation, call, account), start_response)
                response.body = b"".join(chunks)
        except NotImplementedError:
            return InnerResponse(status=501)
        except Exception:
            # On input that moto does not expect, it raises anything.
            _log.exception("%s:%s failed in the inner app", operation.service, operation.name)
            return InnerResponse(status=501)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return response


def _environ(operation: Operation, call: Call, account: str) -> dict[str, Any]:
    """What moto gets: the canonical request, with account, key and Region as they were decided."""
    request = operation.request
    # moto reads the Region, and where it has one the key, from the scope; it verifies nothing.
    scope = (
        f"Credential={call.caller.access_key_id}/{_DAY}/{call.region}/{call.service}/aws4_request"
    )
    return {
        **request.environ,
        "wsgi.input": Body(request.body),
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "HTTP_X_MOTO_ACCOUNT_ID": account,
        _DECIDED: (operation, call.region),
    }


def _obey_the_gateway() -> None:
    """Let moto take operation, Region and parameters from where the gateway took them.

    It looks for an action in URL, body, headers and target, for a Region in URL and user agent,
    and for parameters in all of them, in an order of its own: what was authorized as one thing
    could be done as another.
    """
    base: Any = BaseResponse
    setup, action, region = base.setup_class, base._get_action, base.get_region_from_url

    def get_action(response: Any) -> Any:
        decided = response.normalized_request.environ.get(_DECIDED)
        return action(response) if decided is None else decided[0].name

    def get_region(response: Any, request: Any, full_url: str) -> Any:
        decided = request.environ.get(_DECIDED)
        return region(response, request, full_url) if decided is None else decided[1]

    def setup_class(response: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        setup(response, request, *args, **kwargs)
        decided = request.environ.get(_DECIDED)
        if decided is not None and decided[0].protocol not in ("query", "ec2"):
            query = decided[0].request.query
            response.querystring = response.data = parse_qs(query, keep_blank_values=True)

    base._get_action, base.get_region_from_url, base.setup_class = (
        get_action,
        get_region,
        setup_class,
    )


def _leave_bucket_policies() -> None:
    """Let moto not decide bucket policies again.

    It reads neither their principals nor their conditions: any Deny would hold for everybody.
    """
    bucket: Any = FakeBucket
    bucket.get_permission = lambda _bucket, _action, _resource: PermissionResult.PERMITTED


@functools.cache
def _adapt_moto() -> None:
    """Let the gateway lead; parse the 2 MB of managed policies once instead of for each account."""
    adapt_log_groups()
    adapt_filters()
    adapt_identifiers()
    adapt_iterators()
    adapt_key_names()
    adapt_masking()
    adapt_descriptions()
    adapt_queries()
    adapt_principals()
    adapt_secure_strings()
    _obey_the_gateway()
    _leave_bucket_policies()
    moto_iam: Any = moto.iam.models
    data = json.loads(moto_iam.aws_managed_policies_data)

    def managed_policies(backend: Any) -> list[Any]:
        return [
            moto_iam.AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, d)
            for name, d in data.items()
        ]

    moto_iam.IAMBackend._init_aws_policies = managed_policies
