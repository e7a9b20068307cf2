"""Snapshots of an environment: taking one, saying what differs between two, and what is too much.

A snapshot holds everything that decides access; `harness.estate` makes an estate of it.
"""
