"""A provider that tells of no more kinds of resources than a Terraform needs.

The AWS provider describes some two thousand kinds in one answer of many megabytes, which it makes
and each Terraform reads anew: most of what a small apply computes. Here it is asked once for all of
its processes, and Terraform is told of the kinds that its configuration and its state name. All
other calls pass as they are, but for those that stream, which nothing here makes. Terraform's
plugin protocol is gRPC:
https://github.com/hashicorp/terraform/tree/main/docs/plugin-protocol
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

_SCHEMA = ("/tfplugin5.Provider/GetSchema", "/tfplugin6.Provider/GetProviderSchema")
"""Both have the same answer, `GetProviderSchema.Response`."""
_CHECK = ("/tfplugin5.Provider/PrepareProviderConfig", "/tfplugin6.Provider/ValidateProviderConfig")
"""Whether a configuration can be one; whoever is asked first looks through its own whole schema."""
_KINDS = {2, 3, 8}
"""Its maps by kind: of resources, of data sources, of ephemeral resources."""
_PLUMBING = "/plugin."
"""What plugins have besides, which Terraform does without: their output and further connections."""
# Terraform works on ten resources at once.
_THREADS = 24
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Known:
    """What providers said that are the same program in the same environment: another one would say
    the same. Of what depends on more, nothing is kept. `ask` asks a provider."""

    def __init__(self) -> None:
        self._schema: list[tuple[str, bytes]] | None = None
        self._checked: dict[bytes, bytes] = {}
        self._asking = threading.Lock()

    def schema(self, ask: Callable[[], bytes], kinds: Collection[str]) -> bytes:
        """What a provider says of itself and these kinds."""
        with self._asking:
            if self._schema is None:
                self._schema = list(parts(ask()))
        return b"".join(part for kind, part in self._schema if not kind or kind in kinds)

    def check(self, ask: Callable[[], bytes], configuration: bytes) -> bytes:
        """What a provider says of a configuration, before it has it."""
        with self._asking:
            if configuration not in self._checked:
                self._checked[configuration] = ask()
            return self._checked[configuration]


class Front(grpc.GenericRpcHandler):
    """Stands between Terraform and a provider."""

    def __init__(self, provider: str, path: str, known: Known) -> None:
        """`provider` is the socket of the provider, `path` that of this. Raises `ValueError` when
        it cannot listen there."""
        self._known = known
        self._kinds: Collection[str] = ()
        self._channel = grpc.insecure_channel(f"unix:{provider}", options=_UNLIMITED)
        self._server = grpc.server(
            ThreadPoolExecutor(_THREADS), handlers=[self], options=_UNLIMITED
        )
        try:
            self._server.add_insecure_port(f"unix:{path}")
            self._server.start()
        except RuntimeError as error:
            self.end()
            raise ValueError("nothing can stand between Terraform and the provider") from error
        self.path = path

    def turn(self, kinds: Collection[str]) -> None:
        """Whoever asks next is told of these kinds only."""
        self._kinds = frozenset(kinds)

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        if call.method.startswith(_PLUMBING):
            return None
        return grpc.unary_unary_rpc_method_handler(functools.partial(self._answer, call.method))

    def _answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        ask = functools.partial(self._asked, method, request, context)
        if method in _SCHEMA:
            return self._known.schema(ask, self._kinds)
        if method in _CHECK:
            return self._known.check(ask, request)
        return ask()

    def _asked(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        remote: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method)
        call = remote.future(request)

        def give_up() -> None:
            call.cancel()

        # Who has gone away wants no answer.
        if not context.add_callback(give_up):
            give_up()
        try:
            return call.result()
        except grpc.FutureCancelledError:
            context.abort(grpc.StatusCode.CANCELLED, "the call was given up")
        except grpc.RpcError:
            context.abort(call.code(), call.details() or "")

    def end(self) -> None:
        self._server.stop(None)
        self._channel.close()


def parts(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of a message as they are, each with the kind that it describes; empty for all
    else. Raises `ValueError` for what is none.

    https://protobuf.dev/programming-guides/encoding/
    """
    place = 0
    while place < len(answer):
        start = place
        tag, place = _varint(answer, place)
        if tag & 7 == 2:
            size, place = _varint(answer, place)
            content, place = answer[place : place + size], place + size
            kind = _key(content) if tag >> 3 in _KINDS else ""
        elif tag & 7 == 0:
            kind, (_, place) = "", _varint(answer, place)
        else:
            raise ValueError("no answer about a schema")
        if place > len(answer):
            raise ValueError("the answer about a schema is cut off")
        yield kind, answer[start:place]


def _key(entry: bytes) -> str:
    """That of an entry of a map, which is its first field; empty where it is not."""
    if not entry.startswith(b"\x0a"):
        return ""
    size, start = _varint(entry, 1)
    return entry[start : start + size].decode("utf-8", "replace")


def _varint(answer: bytes, place: int) -> tuple[int, int]:
    """A number, and where what follows it begins."""
    value = shift = 0
    with contextlib.suppress(IndexError):
        while True:
            byte = answer[place]
            value |= (byte & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if byte < 0x80:
                return value, place
    raise ValueError("the answer about a schema is cut off")
