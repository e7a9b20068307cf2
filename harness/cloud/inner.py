"""The inner app: moto, in this process, behind the gateway.

It keeps the resources of the services that the embedded cloud does not play itself. It never
authenticates and never decides; the gateway tells it on whose behalf a request runs.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# Before any moto backend exists: AWS's managed policies can be attached in every account.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

import moto.backends as moto_backends
import moto.iam.models
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from harness.cloud.log_classes import adapt_log_groups
from harness.cloud.wire import HttpRequest, inner_environ


@dataclass(slots=True)
class InnerResponse:
    """A complete response of the inner app."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class MotoApp:
    """moto's WSGI dispatcher, called in process. One per cloud."""

    def __init__(self) -> None:
        _adapt_moto()
        self._app = DomainDispatcherApplication(create_backend_app)

    def handle(self, request: HttpRequest, account: str) -> InnerResponse:
        """Pass a request on, on behalf of `account`. An exception inside is a 501."""
        response = InnerResponse(status=500)

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: object = None
        ) -> None:
            response.status = int(status.split(" ", 1)[0])
            response.headers = headers

        try:
            chunks: Iterable[bytes] = self._app(inner_environ(request, account), start_response)
            response.body = b"".join(chunks)
        except Exception as error:
            # moto raises NotImplementedError, and anything else on input it does not expect.
            return InnerResponse(status=501, body=type(error).__name__.encode())
        finally:
            close = getattr(locals().get("chunks"), "close", None)
            if close is not None:
                close()
        return response


@functools.cache
def _adapt_moto() -> None:
    """Cache what moto reads or parses again and again; give users ids of AWS's form.

    Its dispatcher lists its own package directory on every request (two thirds of a request's
    cost), and each account parses the same 2 MB of managed policies.
    """
    adapt_log_groups()
    moto_iam: Any = moto.iam.models
    modules = tuple(moto_backends.list_of_moto_modules())
    listed = frozenset(modules)
    werkzeug_app.backends.list_of_moto_modules = lambda: listed  # type: ignore[attr-defined]
    data = json.loads(moto_iam.aws_managed_policies_data)

    def managed_policies(backend: Any) -> list[Any]:
        return [
            moto_iam.AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, d)
            for name, d in data.items()
        ]

    moto_iam.IAMBackend._init_aws_policies = managed_policies
    make_user = moto_iam.User.__init__

    def user_with_aws_id(user: Any, *args: Any, **kwargs: Any) -> None:
        make_user(user, *args, **kwargs)
        user.id = "AIDA" + user.id[4:].upper()

    moto_iam.User.__init__ = user_with_aws_id
    # A URL is matched against 200 patterns for every request; hosts repeat.
    original = DomainDispatcherApplication.get_backend_for_host
    cached = functools.lru_cache(maxsize=4096)(original)

    def backend_for_host(app: Any, host: str | None) -> Any:
        return cached(app, host)

    dispatcher: Any = DomainDispatcherApplication
    dispatcher.get_backend_for_host = backend_for_host
