"""Deliberate weakenings of a deployment, as data. The security suite must fail on each.

A suite that never fails proves nothing. Each mutant makes one mistake of the attack catalogue in a
running cloud, through the same APIs that a person would make it with, and names the probes that
must notice. Mutants are applied to forks, never to a deployment that anybody uses.
"""

from __future__ import annotations

from harness.mutants.catalogue import MUTANTS, mutant
from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site

__all__ = ["MUTANTS", "Mutant", "Notice", "Site", "mutant"]
