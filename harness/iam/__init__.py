"""The policy language of AWS IAM: parse policies, decide requests, explain decisions.

Pure: no I/O, no AWS SDK. What a request's context holds, and which policies bear on it, is for the
caller to find out.
"""

from __future__ import annotations

from harness.iam.context import Request
from harness.iam.decide import ALWAYS_ALLOWED, decide
from harness.iam.decision import Decision, Outcome, StatementRef
from harness.iam.errors import PolicyError
from harness.iam.parse import parse_policy
from harness.iam.policy import NamedPolicy, Policy, PolicyKind, PolicySet, Statement
from harness.iam.principal import Principal

__all__ = [
    "ALWAYS_ALLOWED",
    "Decision",
    "NamedPolicy",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicySet",
    "Principal",
    "Request",
    "Statement",
    "StatementRef",
    "decide",
    "parse_policy",
]
