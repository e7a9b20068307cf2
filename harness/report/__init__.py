"""Renders results for people. Plain data in; no other part of the harness is known.

The data is what the pytest plugin writes with `--results`; `results.schema.json` says what that is.
"""
