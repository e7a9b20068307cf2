"""IAM operations on "yourself": without a user's name they act on the user who signs the request.

The inner app finds a user by the access key that is to be changed, or by the one in the signature,
which for a session is nobody's: it is told the user that was decided on.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from harness.cloud.call import Call
from harness.cloud.catalogue import entry
from harness.cloud.wire import Operation

_BY_NAME_OR_CALLER = "?@user:UserName /@caller"


def name_the_caller(operation: Operation, call: Call) -> tuple[Operation, Call]:
    """A decided call with the caller's name where it has none; any other call as it is."""
    if call.service != "iam" or call.params.get("UserName") or call.caller.kind != "user":
        return operation, call
    if not (entry("iam", call.operation) or "").startswith(_BY_NAME_OR_CALLER):
        return operation, call
    name = call.caller.arn.rsplit("/", 1)[1]
    # An empty one may be there, and a second would not count.
    pairs = operation.request.body.decode().split("&")
    pairs = [pair for pair in pairs if pair.partition("=")[0] != "UserName"]
    body = "&".join([*pairs, f"UserName={quote(name, safe='')}"]).encode()
    environ = {**operation.request.environ, "CONTENT_LENGTH": str(len(body))}
    request = replace(operation.request, body=body, environ=environ)
    params = {**call.params, "UserName": name}
    return (
        replace(operation, params=params, request=request),
        replace(call, params=params),
    )
