"""All mutants."""

from __future__ import annotations

from harness.mutants.client_source import CLIENT_SOURCE
from harness.mutants.custody import CUSTODY
from harness.mutants.deployers import DEPLOYERS
from harness.mutants.guardrail_edits import GUARDRAIL_EDITS
from harness.mutants.guardrails import GUARDRAILS
from harness.mutants.model import Mutant
from harness.mutants.outlets import OUTLETS
from harness.mutants.permissions import PERMISSIONS
from harness.mutants.resources import RESOURCES
from harness.mutants.rights import GRANTED
from harness.mutants.settings import SETTINGS
from harness.mutants.terraform_source import TERRAFORM_SOURCE
from harness.mutants.trust import TRUST
from harness.mutants.trustees import TRUSTED
from harness.mutants.upkeep import UPKEEP

MUTANTS: tuple[Mutant, ...] = (
    *TERRAFORM_SOURCE,
    *CUSTODY,
    *TRUST,
    *TRUSTED,
    *PERMISSIONS,
    *GRANTED,
    *SETTINGS,
    *RESOURCES,
    *GUARDRAILS,
    *GUARDRAIL_EDITS,
    *OUTLETS,
    *DEPLOYERS,
    *UPKEEP,
    *CLIENT_SOURCE,
)


def mutant(identifier: str) -> Mutant:
    """The mutant of that id. Raises `KeyError`."""
    return {known.id: known for known in MUTANTS}[identifier]
