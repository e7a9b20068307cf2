"""What runs where and when under xdist; see `support.order`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.order import APART, LONG

ROOT = Path(__file__).parents[1]

CONFTEST = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import support.order as order
order.LONG, order.APART = ("test_long.py", "test_apart.py"), {{"test_apart.py"}}

def pytest_xdist_make_scheduler(config, log):
    return order.ByFile(config, log)

def pytest_collection_modifyitems(items):
    order.put_long_ones_first(items)
"""
TESTS = """
import os, time
from pathlib import Path

HERE = Path(__file__)

def work():
    name = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].partition(" ")[0]
    with open("log", "a") as log:
        log.write(f"{HERE.name} {name} {os.getpid()}\\n")
    time.sleep(0.1)

def test_1(): work()
def test_2(): work()
def test_3(): work()
def test_4(): work()
"""


@pytest.fixture
def ran(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """File, test and process of each test of a run by two processes, in the order they began."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    for name in ("test_apart", "test_first", "test_long", "test_second"):
        pytester.makepyfile(**{name: TESTS})
    done = pytester.runpytest_subprocess(
        *("-p", "xdist", "-p", "xdist.looponfail", "-p", "no:cacheprovider"),
        *("--numprocesses", "2", "--dist", "loadfile"),
    )
    done.assert_outcomes(passed=16)
    lines = (pytester.path / "log").read_text(encoding="utf-8").splitlines()
    return [(file, test, process) for file, test, process in map(str.split, lines)]


def test_a_files_tests_share_a_process_and_those_apart_do_not(
    ran: list[tuple[str, str, str]],
) -> None:
    def processes(name: str) -> set[str]:
        return {process for file, _, process in ran if file == f"{name}.py"}

    assert [len(processes(name)) for name in ("test_long", "test_first", "test_second")] == [1] * 3
    # One process is still at the long file when the other takes the first of these.
    assert processes("test_apart") - processes("test_long")


def test_the_long_ones_go_first_and_the_others_by_name(ran: list[tuple[str, str, str]]) -> None:
    files = list(dict.fromkeys(file for file, _, _ in ran))
    assert set(files[:2]) == {"test_long.py", "test_apart.py"}
    assert files[2:] == ["test_first.py", "test_second.py"]


@pytest.mark.parametrize("file", LONG)
def test_what_is_called_long_is_there(file: str) -> None:
    assert (ROOT / file).is_file()


def test_what_is_apart_is_long() -> None:
    assert set(LONG) >= APART
