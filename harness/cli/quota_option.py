"""The option `--quota` of `bulkhead cloud`: what a model may be asked in a minute."""

from __future__ import annotations

import re

from harness.cloud.bedrock.models import FOUNDATION_MODELS
from harness.cloud.plan import QuotaPlan
from harness.errors import UserError

FORM = "[ACCOUNT/]MODEL=REQUESTS[:TOKENS]"
_QUOTA = re.compile(r"(?:([0-9]{12})/)?([^=/]+)=([0-9]+)?(?::([0-9]+))?")


def read_quota(text: str) -> QuotaPlan:
    """A quota from its form in the command line. Raises `UserError`."""
    found = _QUOTA.fullmatch(text)
    if found is None or (found[3] is None and found[4] is None):
        raise UserError(f"--quota {text} is not of the form {FORM}")
    account, model, requests, tokens = found.groups()
    if model not in FOUNDATION_MODELS:
        raise UserError(
            f"--quota {text}: there is no model {model}; name one that ListFoundationModels tells"
        )
    return QuotaPlan(
        model,
        requests_per_minute=None if requests is None else int(requests),
        tokens_per_minute=None if tokens is None else int(tokens),
        account=account or "",
    )


def read_quotas(texts: tuple[str, ...], accounts: tuple[str, ...]) -> tuple[QuotaPlan, ...]:
    """All of them. Raises `UserError`, also for a quota of an account that there is not."""
    quotas = tuple(read_quota(text) for text in texts)
    named: set[tuple[str, str]] = set()
    for text, quota in zip(texts, quotas, strict=True):
        if quota.account and quota.account not in accounts:
            raise UserError(f"--quota {text}: add --account {quota.account}")
        if (quota.account, quota.model) in named:
            raise UserError(f"--quota {text}: the model has a quota already; give each once")
        named.add((quota.account, quota.model))
    return quotas
