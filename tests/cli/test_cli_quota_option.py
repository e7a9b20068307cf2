"""`--quota`: its form, and what is wrong with other forms."""

from __future__ import annotations

import pytest

from harness.cli.quota_option import read_quotas
from harness.cloud.plan import QuotaPlan
from harness.errors import UserError

NOVA = "amazon.nova-lite-v1:0"
ACCOUNTS = ("111111111111",)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        (f"{NOVA}=10", QuotaPlan(NOVA, 10)),
        (f"{NOVA}=10:2000", QuotaPlan(NOVA, 10, 2000)),
        (f"{NOVA}=:2000", QuotaPlan(NOVA, None, 2000)),
        (f"111111111111/{NOVA}=0", QuotaPlan(NOVA, 0, account="111111111111")),
    ],
)
def test_a_quota_is_read(text: str, quota: QuotaPlan) -> None:
    assert read_quotas((text,), ACCOUNTS) == (quota,)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((NOVA,), "is not of the form"),
        ((f"{NOVA}=",), "is not of the form"),
        ((f"{NOVA}=many",), "is not of the form"),
        (("no.such-model=1",), "there is no model no.such-model"),
        ((f"222222222222/{NOVA}=1",), "add --account 222222222222"),
        ((f"{NOVA}=1", f"{NOVA}=2"), "give each once"),
    ],
)
def test_a_faulty_quota_is_refused(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_quotas(texts, ACCOUNTS)
