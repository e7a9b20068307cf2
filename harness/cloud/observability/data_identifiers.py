"""What data protection policies find in log events: AWS's data identifiers and custom ones.

Only those that a pattern can find; names and addresses of people, for one, cannot be found so.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

Finder = Callable[[str], list[tuple[int, int]]]
"""The places (start, end) in a text where an identifier's data stands."""
_PREFIX = re.compile(r"arn:aws(?:-us-gov)?:dataprotection::aws:data-identifier/")


def _luhn(text: str) -> bool:
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _of(pattern: str, valid: Callable[[str], bool] = lambda _: True) -> Finder:
    compiled = re.compile(pattern)
    return lambda text: [m.span() for m in compiled.finditer(text) if valid(m[0])]


def _key(kind: str) -> Finder:
    return _of(rf"-----BEGIN {kind}-----[\s\S]*?(?:-----END {kind}-----|\Z)")


# An event has up to a megabyte, which may be one word: what a pattern looks at is bounded.
_MANAGED: dict[str, Finder] = {
    "AwsSecretKey": _of(
        r"(?<![A-Za-z0-9/+=])(?=[^\s\"]{0,39}[A-Z])(?=[^\s\"]{0,39}\d)[A-Za-z0-9/+]{40}"
        r"(?![A-Za-z0-9/+=])"
    ),
    "CreditCardNumber": _of(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)", _luhn),
    "EmailAddress": _of(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"),
    "IpAddress": _of(
        r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"
    ),
    "OpenSshPrivateKey": _key("OPENSSH PRIVATE KEY"),
    "PgpPrivateKey": _key("PGP PRIVATE KEY BLOCK"),
    "PhoneNumber-US": _of(r"(?<!\d)(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\d)"),
    "PkcsPrivateKey": _key("(?:RSA |EC |ENCRYPTED )?PRIVATE KEY"),
    "Ssn-US": _of(r"(?<!\d)(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?!\d)"),
}


def managed(arn: str) -> Finder | None:
    """The finder of an identifier of AWS's, None where the embedded cloud has none."""
    named = _PREFIX.match(arn)
    return _MANAGED.get(arn[named.end() :]) if named else None


def custom(pattern: str) -> Finder:
    """The finder of a custom identifier. Raises `re.error`."""
    return _of(pattern)


def masked(text: str, finders: tuple[Finder, ...]) -> str:
    """The text with asterisks, as many as there were characters, for what is found."""
    for finder in finders:
        for start, end in finder(text):
            text = text[:start] + "*" * (end - start) + text[end:]
    return text
