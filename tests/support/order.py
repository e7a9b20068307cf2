"""Which tests run where and when under xdist: a file's tests in one process, the longest first.

What a file's tests share (an applied environment, a cloud) is made once then, and not in each
process that got some of them; and no process begins something long when the others are done.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

LONG = (
    "tests/mutants/test_mutants.py",
    "tests/cli/test_cli_operate.py",
    "tests/deploy/test_deploy_accounts.py",
    "tests/deploy/test_deploy_lifecycle.py",
    "tests/mutants/test_mutants_twins.py",
    "tests/deploy/test_deploy_fields.py",
    "tests/modules/test_modules_spend.py",
    "tests/modules/test_modules_examples.py",
    "tests/modules/test_modules_state.py",
    "tests/modules/test_modules_contract.py",
)
"""Files that take a minute or more, the longest first; the others come in the order of names."""

APART = frozenset(
    (
        "tests/cli/test_cli_operate.py",
        "tests/deploy/test_deploy_lifecycle.py",
        "tests/mutants/test_mutants_twins.py",
    )
)
"""Files whose tests are long and share nothing but what all processes do: any process takes any."""


class ByFile(LoadFileScheduling):
    """Gives a process the next file when it has almost done its last one."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        # Else those with the most tests go first.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if file in APART else file


def put_long_ones_first(items: list[pytest.Item]) -> None:
    """Sorts tests by how long their files take; those of one file stay as they are."""
    ranks = {file: rank for rank, file in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(file_of(item.nodeid), len(ranks)))


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
