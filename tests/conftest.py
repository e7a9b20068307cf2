"""Loads the plugin of the security suite for all tests."""

pytest_plugins = ["harness.pytest_plugin"]
