"""Bulkhead's invariants as checkov checks: `checkov --external-checks-dir harness/checkov`.

`register` is all that checkov loads, in its own virtual environment; the rules in `invariants`
know only the policy language (`harness.iam`) and plain values, never checkov.
"""
