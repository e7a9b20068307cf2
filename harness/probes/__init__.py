"""Tools of the probes: what an answer proves, who asks, where a canary may lie.

The probes themselves are the pytest tests of `tests/security`. This package sits above
`targets` and `deploy` and below the pytest plugin.
"""
