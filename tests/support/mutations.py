"""Ways to write the name or ARN of a resource that are not its name or ARN."""

from __future__ import annotations

from collections.abc import Iterator

OTHER_REGION = "us-east-1"
_SUFFIXES = (
    *("/", ":", "//", ":*", ":*:*", ":x", "/x", ":log-stream:s", ":log-stream:*", "*", "?", "/*"),
    *("%2F", "%00", "%20", " ", "\t", "\n", "\u00a0", "\u200b", "/../x", "/..", "#", ";", "?x=1"),
    *(":$LATEST", ":1", "/index/i", "/stream/s", "/consumer/c:1", "/object/o", ","),
)
_PREFIXES = (" ", "\t", "%20", "/", "//", ":", "../", "./", "x/../", "\ufeff", "arn:", "*")
# A letter of another alphabet, and a wide one.
_ALIKE = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "i": "\uff49", "c": "\uff43", "s": "\uff53"}
_SERVICES = ("s3", "iam", "logs", "kms", "sqs", "lambda", "bedrock", "x", "")
_TYPES = ("x", "", "log-group", "destination", "query-result", "key", "table", "role", "object")


def mutations(identifier: str) -> Iterator[str]:
    """Every mutation of a name, URL or ARN once; never the identifier itself."""
    seen = {identifier}
    for each in _all(identifier):
        if each not in seen:
            seen.add(each)
            yield each


def _all(identifier: str) -> Iterator[str]:
    yield from (identifier + suffix for suffix in _SUFFIXES)
    yield from (prefix + identifier for prefix in _PREFIXES)
    yield identifier.upper()
    yield identifier.swapcase()
    yield identifier.capitalize()
    yield identifier.replace(":", "%3A").replace("/", "%2F")
    yield identifier.replace("/", "//")
    yield identifier.replace(":", "::")
    last = identifier[-1]
    yield f"{identifier[:-1]}%{ord(last):02x}"
    for plain, alike in _ALIKE.items():
        yield identifier.replace(plain, alike)
    if identifier.startswith("arn:"):
        yield from _of_arn(identifier)


def _of_arn(arn: str) -> Iterator[str]:
    fields = arn.split(":", 5)

    def with_field(index: int, value: str) -> str:
        return ":".join([*fields[:index], value, *fields[index + 1 :]])

    for index in range(5):
        yield with_field(index, fields[index].upper())
        yield with_field(index, fields[index] + " ")
        yield with_field(index, "")
        yield with_field(index, "*")
    yield from (with_field(0, each) for each in ("ARN", "Arn", "urn"))
    yield from (with_field(1, each) for each in ("aws-cn", "aws-us-gov", "amazon"))
    yield from (with_field(2, each) for each in _SERVICES)
    yield from (with_field(3, each) for each in (OTHER_REGION, "eu-central-1", "eu_central_1"))
    # An account that does not exist; one that does has resources of its own.
    yield from (with_field(4, each) for each in ("aws", "1", "000000000000", "\uff11" * 12))
    for separator in ("/", ":"):
        kind, found, name = fields[5].partition(separator)
        if not found:
            continue
        yield from (with_field(5, f"{each}{separator}{name}") for each in _TYPES)
        yield with_field(5, f"{kind.upper()}{separator}{name}")
        yield with_field(5, f"{kind.capitalize()}{separator}{name}")
        yield with_field(5, f"{kind}{separator}{kind}{separator}{name}")
        yield with_field(5, f"{kind}{separator}x{separator}{name}")
        yield with_field(5, f"{kind}{separator}{separator}{name}")
        yield with_field(5, f"{kind}{'/' if separator == ':' else ':'}{name}")
        yield with_field(5, name)
    yield with_field(5, fields[5].rsplit("/", 1)[-1])
