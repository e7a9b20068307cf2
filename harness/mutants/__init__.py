"""Deliberate weakenings of a deployment, as data. The security suite must fail on each.

A suite that never fails proves nothing. Each mutant makes one mistake of the attack catalogue and
names the probes that must notice. Mistakes are made at three levels: in the Terraform source, which
is then applied again; in a running cloud, through the same APIs that a person would use; and in the
client library. Mutants are applied to forks and copies, never to what anybody uses.
"""

from __future__ import annotations

from harness.mutants.catalogue import MUTANTS, mutant
from harness.mutants.model import LEVELS, Failing, Level, Mutant, Notice
from harness.mutants.site import Site

__all__ = ["LEVELS", "MUTANTS", "Failing", "Level", "Mutant", "Notice", "Site", "mutant"]
