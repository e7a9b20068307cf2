"""Mistakes in the client library."""

from __future__ import annotations

from harness.mutants.model import Mutant

CLIENT_SOURCE: tuple[Mutant, ...] = ()
