"""Loads the plugin of the security suite for all tests, and pytest's tools for testing plugins; has
xdist keep the tests of a file together, the long ones first, in more processes than cores."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How busy the machine is says nothing of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell starts background jobs with SIGINT ignored, and children inherit that: tests that send
# Ctrl-C to one would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# And `nohup` with SIGHUP ignored, which tests send, too.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = ["harness.pytest_plugin", "pytester"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Half as many again as there are cores, where memory allows: many tests wait, for a new key
    to be seen everywhere, for a child, for what must not come."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    from harness.deploy.run import parallel_roots

    return parallel_roots((os.cpu_count() or 1) * 3 // 2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays: looking through it again and again for what could be freed takes a
    fifth of the time of collecting, and more later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, as `make test` says."""
    if config.getoption("dist") != "loadfile":
        return None
    from support.order import ByFile

    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Alone, a process does as well in the order of names.
    if hasattr(config, "workerinput"):
        from support.order import put_long_ones_first

        put_long_ones_first(items)
