"""How the checks reach checkov: from one file that fails closed, and shadows nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.checkov import ROOT, checkov_command, environ, run_checkov

from harness.checkov.invariants.catalogue import RULES
from harness.checkov.invariants.planned import Resource, Unknown
from scripts.checkov_docs import TARGET, page

CHECKS = ROOT / "harness/checkov"


def test_a_rule_that_cannot_be_loaded_ends_checkov(tmp_path: Path) -> None:
    for name in ("harness/checkov", "harness/iam"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "harness/__init__.py", tmp_path / "harness")
    broken = tmp_path / "harness/checkov/invariants/records.py"
    broken.write_text(broken.read_text(encoding="utf-8") + "\n1 / 0\n", encoding="utf-8")
    (tmp_path / "main.tf").write_text('resource "aws_sqs_queue" "q" {}\n', encoding="utf-8")
    done = subprocess.run(
        [
            *(str(checkov_command()), "--external-checks-dir", "harness/checkov"),
            *("--skip-download", "--framework", "terraform", "-f", "main.tf"),
        ],
        cwd=tmp_path,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "cannot load the rules: ZeroDivisionError" in done.stderr


def test_hcl_is_judged_as_far_as_its_values_are_written_out(tmp_path: Path) -> None:
    """Literal values are findings or pass; what needs a plan, as every policy does, is neither."""
    (tmp_path / "main.tf").write_text(
        """
variable "days" { type = number }

resource "aws_cloudwatch_log_group" "for_ever" {
  name = "a"
}

resource "aws_cloudwatch_log_group" "a_year" {
  name              = "b"
  retention_in_days = 365
}

resource "aws_cloudwatch_log_group" "whatever" {
  name              = "c"
  retention_in_days = var.days
}

resource "aws_bedrock_model_invocation_logging_configuration" "on" {
  logging_config {
    text_data_delivery_enabled = true
  }
}

resource "aws_iam_role_policy" "unknown" {
  role   = "r"
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_iam_role_policy" "written_out" {
  role   = "r"
  policy = <<-JSON
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
  JSON
}
""",
        encoding="utf-8",
    )
    done = run_checkov(
        *("-d", tmp_path, "--framework", "terraform", "-o", "cli", "--compact"), cwd=tmp_path
    )
    assert done.returncode == 1, done.stdout + done.stderr
    said = [line.strip() for line in done.stdout.splitlines()]
    found, check = set(), ""
    for line in said:
        if line.startswith("Check: CKV_BULKHEAD_"):
            check = line.split('"')[0].removeprefix("Check: CKV_BULKHEAD_").rstrip(": ")
        elif line.startswith(("PASSED", "FAILED")):
            found.add((check, line.split()[0], line.split()[-1]))
    groups = "aws_cloudwatch_log_group"
    logging = "aws_bedrock_model_invocation_logging_configuration"
    assert {
        ("33", "FAILED", f"{groups}.for_ever"),
        ("33", "PASSED", f"{groups}.a_year"),
        ("32", "FAILED", f"{logging}.on"),
    } <= found
    judged = {resource for _, _, resource in found}
    assert f"{groups}.whatever" not in {r for c, _, r in found if c == "33"}
    assert not {r for r in judged if r.startswith("aws_iam_role_policy.")}


def test_no_module_of_the_checks_shadows_another() -> None:
    """checkov puts every folder of the checks first on the path of its imports."""
    names = sorted({file.stem for file in CHECKS.rglob("*.py")} - {"__init__"})
    assert len(names) > 5
    python = checkov_command().parent / "python"
    script = (
        "import importlib.util, sys\n"
        "print([n for n in sys.argv[1:] if importlib.util.find_spec(n)])"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", script, *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_rules_stay_out_of_checkovs_own_loading() -> None:
    assert not (CHECKS / "invariants/__init__.py").exists()
    assert sorted(file.name for file in CHECKS.glob("*.py")) == ["__init__.py", "register.py"]


def test_the_page_is_what_the_rules_say() -> None:
    assert TARGET.read_text(encoding="utf-8") == page(), "run `python -m scripts.checkov_docs`"
    assert page().count('<a id="') == len(RULES)


@pytest.mark.parametrize(
    "value", ["aws_kms_key.logs.arn", "true_after_unknown", "module.a.b", "each.value"]
)
def test_a_reference_is_no_value(value: str) -> None:
    resource = Resource("aws_x", {"key": [value], "list": [["known", value]]}, plan=True)
    for attribute in ("key", "list", "missing"):
        with pytest.raises(Unknown, match=attribute):
            resource.value(attribute)


@pytest.mark.parametrize("value", ["arn:aws:kms:eu-central-1:1:key/x", "/bulkhead/data.x", None, 0])
def test_a_value_is_no_reference(value: object) -> None:
    assert Resource("aws_x", {"key": [value]}, plan=True).value("key") == value
