"""Writes docs/checkov.md from the rules: `python -m scripts.checkov_docs`. A test holds it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from harness.checkov.invariants.catalogue import RULES
from harness.checkov.invariants.rule import PAGE, Rule

TARGET = Path(__file__).resolve().parents[1] / PAGE

_GROUPS = {
    "documents": "Every policy",
    "fleet_trust": "Who may assume roles",
    "rights": "What identity policies may allow",
    "records": "Where content rests, and how it could leave",
}

_INTRO = """\
# Our invariants as checkov checks

Made by `python -m scripts.checkov_docs` from the rules in `harness/checkov/invariants`; not written
by hand.

These checks read a Terraform plan before it is applied and say which wall of the design it would
break. They are the first look, not the last: the security suite and `bulkhead verify` show what the
applied policies do. They judge with the policy language of the harness (`harness.iam`), not with
patterns over JSON.

## Use

| for | run |
|---|---|
| an environment, with every policy known | `bulkhead check ENV` (`make check`) |
| the same for the lines of a pull request | `bulkhead check ENV --sarif FILE` (`make sarif`) |
| any plan | `checkov --external-checks-dir harness/checkov -f plan.json` |
| HCL, where values are written out | `checkov --external-checks-dir harness/checkov -d FOLDER` |

`plan.json` is `terraform show -json` of a saved plan. It holds secrets, such as external ids:
delete it when done. checkov reads `.checkov.yaml` of the folder that it runs in, if there is one.

**Unknown fails.** A plan before the first apply does not know policies that name a generated ARN,
and nobody can judge what nobody knows, so they are findings; it does not say either whether a new
bucket, topic, queue or secret without one will have a policy. `bulkhead check` applies the
environment to an embedded cloud first and plans again there, where all is known. In HCL alone few
values are known and no policies, and what is not is no finding: the plan decides.

**Nothing is dropped.** checkov goes on without a file of checks that it cannot load, without the
finding of a check that raises, and without a plan that it cannot read. Here each of these ends the
run or is a finding.

**Lines.** checkov's own SARIF of a plan names the plan as the file. With
`--repo-root-for-plan-enrichment` the line numbers are those of the Terraform, but the file is still
the plan, and where two modules have a resource of the same type and name, they are of either. Its
SARIF also breaks the schema where a check gives details, as ours do. `bulkhead check` finds the
module that the plan used; its SARIF fits the schema of SARIF 2.1.0 and quotes no plan.

**checkov's own checks** run on the HCL in `make lint`. On plans they are of little use here: they
know neither permissions boundaries nor pinned callers, and `bulkhead check` leaves them out.

**Skipping.** `# checkov:skip=ID: reason` inside the resource's block, as for checkov's own checks.
It is reported as skipped, with its reason. Bulkhead skips none of the checks below.

**Examples for CI** are in [docs/ci](ci/README.md).

## The checks

"Attacks" are the rows of the list of attacks that a breach would open; [coverage](coverage.md) says
by which probes those are shown that concern a running environment.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRO]
    for module, rules in groupby(RULES, key=_module):
        parts.append(f"\n### {_GROUPS[module]}\n\n| id | what holds | why | looks at | attacks |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += [_row(rule) for rule in rules]
    return "".join(parts)


def _module(rule: Rule) -> str:
    return rule.problems.__module__.rpartition(".")[2]


def _row(rule: Rule) -> str:
    kinds = ", ".join(f"`{kind.removeprefix('aws_')}`" for kind in rule.resources)
    anchor = f'<a id="{rule.id.lower()}"></a>'
    return f"| {anchor}{rule.id} | {rule.name} | {rule.why} | {kinds} | {' '.join(rule.rows)} |\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
