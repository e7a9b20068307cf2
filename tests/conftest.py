"""Loads the plugin of the security suite for all tests, and pytest's tools for testing plugins."""

from __future__ import annotations

import signal

# A shell starts background jobs with SIGINT ignored, and children inherit that: tests that send
# Ctrl-C to one would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["harness.pytest_plugin", "pytester"]
