"""Our Terraform asks for nothing that one of the two provider majors lacks.

The names of both are kept in `scripts/providers`, made by `make providers`: those of the lowest
release from the provider itself, those of a 6.x release from published bindings of it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import terraform_files
from scripts.providers.schema import Block, both
from scripts.providers.usage import lacking, uses

ROOT = Path(__file__).parents[2]
SCHEMAS = both()

GOOD = """
data "aws_region" "current" {}

resource "aws_kms_key" "k" {
  enable_key_rotation = true
}

resource "aws_bedrock_inference_profile" "p" {
  for_each = toset(["a"])
  name     = each.key

  model_source {
    copy_from = "arn:aws:bedrock:${data.aws_region.current.id}::foundation-model/m"
  }

  lifecycle {
    postcondition {
      condition     = self.status == "ACTIVE"
      error_message = "not active"
    }
  }
}

resource "aws_budgets_budget" "b" {
  budget_type = "COST"
  time_unit   = "MONTHLY"

  dynamic "notification" {
    for_each = [1]
    content {
      comparison_operator = "GREATER_THAN"
      notification_type   = "ACTUAL"
    }
  }
}

output "arn" {
  value = [aws_kms_key.k.arn, aws_bedrock_inference_profile.p["a"].models[0].model_arn]
}
"""


def problems(folder: Path, text: str) -> list[str]:
    file = folder / "modules" / "m" / "main.tf"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return lacking(uses(terraform_files.files(folder), folder), SCHEMAS)


def test_the_majors_are_those_of_the_constraint() -> None:
    lower, upper = (schema.version for schema in SCHEMAS)
    assert lower == "5.100.0"
    assert upper.split(".")[0] == "6"
    constraints = {
        match[1]
        for file in terraform_files.files()
        if (match := re.search(r'hashicorp/aws"\s+version = "(.*)"', file.read_text("utf-8")))
    }
    assert constraints == {">= 5.100, < 7"}


def test_neither_major_lacks_what_we_use() -> None:
    used = list(uses(terraform_files.files(), ROOT))
    assert {use.kind for use in used} > {"aws_iam_role", "aws_kms_key", "aws_region"}
    assert lacking(used, SCHEMAS) == []


def test_what_both_have_is_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (
            'ephemeral "aws_kms_secrets" "s" {}',
            "ephemeral.aws_kms_secrets.s: provider 5.100.0 has no",
        ),
        (
            'action "aws_lambda_invoke" "i" {}',
            "action.aws_lambda_invoke.i: provider 5.100.0 has no",
        ),
        (
            'check "c" {\n  data "aws_kms_key" "k" {\n    region = "eu-central-1"\n  }\n}',
            "data.aws_kms_key.k.region: provider 5.100.0 has no aws_kms_key.region",
        ),
        *(
            (block, "aws_kms_key.k.region: provider 5.100.0 has no aws_kms_key.region")
            for block in (
                'output "o" {\n  value = values(aws_kms_key.k)[*].region\n}',
                'output "o" {\n  value = { for n, key in aws_kms_key.k : n => key.region }\n}',
                'resource "aws_iam_role" "r" {\n  for_each = aws_kms_key.k\n'
                "  name = each.value.region\n}",
            )
        ),
    ],
)
def test_every_kind_of_block_and_way_to_read_is_looked_at(
    tmp_path: Path, block: str, problem: str
) -> None:
    found = problems(tmp_path, f"{GOOD}\n{block}\n")
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "enable_key_rotation = true",
            'region = "eu-central-1"',
            "aws_kms_key.k.region: provider 5.100.0 has no aws_kms_key.region",
        ),
        (
            "data.aws_region.current.id",
            "data.aws_region.current.region",
            "data.aws_region.current.region: provider 5.100.0 has no aws_region.region",
        ),
        (
            "aws_kms_key.k.arn",
            "aws_kms_key.k.arm",
            "aws_kms_key.k.arm: provider 6.66.0 has no aws_kms_key.arm",
        ),
        (
            "copy_from =",
            "copied_from =",
            "p.model_source.copied_from: provider 6.66.0 has no "
            "aws_bedrock_inference_profile.model_source.copied_from",
        ),
        ("models[0].model_arn", "models[0].arn", "p.models.arn: provider 5.100.0 has no"),
        ("self.status", "self.state", "p.state: provider 6.66.0 has no"),
        ("notification_type  ", "kind", "b.notification.kind: provider 5.100.0 has no"),
        (
            "enable_key_rotation = true",
            'arn = "x"',
            "aws_kms_key.k.arn: provider 5.100.0 does not let aws_kms_key.arn be set",
        ),
        (
            '"aws_kms_key" "k"',
            '"aws_kms_keys" "k"',
            "aws_kms_keys.k: provider 6.66.0 has no aws_kms_keys",
        ),
        # Taken by 6 alone: a resource type of its own time.
        (
            '"aws_kms_key" "k"',
            '"aws_iam_outbound_web_identity_federation" "k"',
            "k: provider 5.100.0 has no aws_iam_outbound_web_identity_federation",
        ),
    ],
)
def test_what_one_lacks_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(line.startswith("modules/m/main.tf: ") and problem in line for line in found), found


def test_the_majors_differ_where_they_are_known_to() -> None:
    """Were one file made of the other's release, the rules above could not fail."""
    lower, upper = SCHEMAS
    assert "region" not in lower.resources["aws_kms_key"].names()
    assert "region" in upper.resources["aws_kms_key"].settable
    assert set(lower.resources) < set(upper.resources)


def test_blocks_survive_their_file() -> None:
    block = Block({"a"}, {"b"}, {"c": Block({"d"})})
    assert Block.from_json(block.as_json()) == block
