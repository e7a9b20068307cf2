"""Loads the plugin of the security suite for all tests, and pytest's tools for testing plugins."""

pytest_plugins = ["harness.pytest_plugin", "pytester"]
