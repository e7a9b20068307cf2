"""The environments are alike: the same Terraform, and little of their own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import load_environment
from harness.deploy.staging import staged
from scripts import terraform_files
from scripts.environments import BACKEND, BACKEND_FILE, ORIGINAL, copies, differences, wanted

ROOT = Path(__file__).parents[2]
COPIES = list(copies())
NAMES = [ORIGINAL, *(folder.name for folder in COPIES)]
HCL = list(terraform_files.files())


def test_there_is_a_sandbox_and_a_production() -> None:
    assert {"embedded", "sandbox", "production"} <= set(NAMES)


@pytest.mark.parametrize("environment", COPIES, ids=lambda path: path.name)
def test_an_environment_has_the_terraform_of_all(environment: Path) -> None:
    assert wanted()
    assert differences(environment) == {}, "run `make docs`"


@pytest.mark.parametrize("environment", COPIES, ids=lambda path: path.name)
def test_an_environment_has_little_of_its_own(environment: Path) -> None:
    files = {f.relative_to(environment) for f in environment.rglob("*") if f.is_file()}
    own = {str(f) for f in files - wanted().keys() if ".terraform" not in str(f)}
    # What a root reads beside customers.yaml, the original has too.
    original = environment.parent / ORIGINAL
    assert {f for f in own if not (original / f).is_file()} == {"state.s3.tfbackend"}


def test_a_difference_is_found_in_either_direction(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    copy = tmp_path / "environments" / "sandbox"
    assert differences(copy, tmp_path) == {}
    file = copy / "operations" / "main.tf"
    file.write_text(file.read_text(encoding="utf-8") + "# here alone\n", encoding="utf-8")
    (copy / "operations" / "more.tf").write_text("", encoding="utf-8")
    (copy / "customer" / BACKEND_FILE).unlink()
    assert {str(path): text is None for path, text in differences(copy, tmp_path).items()} == {
        "operations/main.tf": False,
        "operations/more.tf": True,
        "customer/backend.tf": False,
    }


@pytest.mark.parametrize("file", HCL, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_terraform_names_an_environment_an_emulator_or_another_state(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "terraform_remote_state" not in text
    assert not re.search(r"localhost|127\.0\.0\.1|localstack|\bmoto\b|endpoints\s*\{", text)
    if "environments" in file.relative_to(ROOT).parts and file.name != BACKEND_FILE:
        assert not re.search(rf'"[\w-]*\b({"|".join(NAMES)})\b[\w-]*"', text)


def settings(environment: Path) -> dict[str, str]:
    text = (environment / "state.s3.tfbackend").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+)\s*= (.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("environment", COPIES, ids=lambda path: path.name)
def test_states_are_encrypted_locked_and_in_an_account_of_their_own(environment: Path) -> None:
    found = settings(environment)
    assert found.keys() == {
        *("bucket", "region", "encrypt", "kms_key_id"),
        *("use_lockfile", "allowed_account_ids"),
    }
    assert found["encrypt"] == found["use_lockfile"] == "true"
    (account,) = re.findall(r"\d{12}", found["allowed_account_ids"])
    assert f":{account}:" in found["kms_key_id"]
    loaded = load_environment(environment)
    assert (
        account == loaded.state_account not in (*loaded.deployed_accounts, *loaded.probes.accounts)
    )
    # As the module state-store names them.
    assert found["bucket"] == f'"REPLACE-bulkhead-state-{environment.name}-{account}"'
    alias = f":{account}:alias/bulkhead/state-{environment.name}"
    assert found["kms_key_id"].endswith(f'{alias}"')
    assert found["region"] == f'"{loaded.region}"'
    assert 'backend "s3" {}' in BACKEND


def test_environments_share_no_account_bucket_or_key() -> None:
    taken: set[str] = set()
    for environment in COPIES:
        found = settings(environment)
        names = {found["bucket"], found["kms_key_id"], *load_environment(environment).accounts}
        assert not names & taken
        taken |= names


@pytest.mark.parametrize("environment", COPIES, ids=lambda path: path.name)
def test_placeholders_cannot_be_applied(environment: Path) -> None:
    """Nobody's accounts, each root bound to its own, and a bucket that cannot exist."""
    loaded = load_environment(environment)
    assert all(account.startswith("0000000") for account in loaded.accounts)
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    assert not re.fullmatch(r'"[a-z0-9.-]{3,63}"', settings(environment)["bucket"])
    for file in environment.glob("*/*.tf"):
        for _, body in terraform_files.labelled(terraform_files.read(file), "provider"):
            assert body["allowed_account_ids"], file
    cloud_plan(loaded)  # an embedded cloud can play it


def test_production_keeps_its_records() -> None:
    kept = {folder.name: load_environment(folder).keep_records for folder in COPIES}
    assert kept["production"] and not kept["sandbox"]


@pytest.mark.parametrize("environment", COPIES, ids=lambda path: path.name)
def test_a_run_here_has_the_same_files_but_for_the_backend(
    environment: Path, tmp_path: Path
) -> None:
    loaded = load_environment(environment)
    copy = staged(loaded, tmp_path)
    assert copy.path != loaded.path
    assert load_environment(copy.path).customers == loaded.customers
    assert copy.path.name == environment.name
    there = {f.relative_to(copy.path) for f in copy.path.rglob("*.tf")}
    assert there == {path for path in wanted() if path.suffix == ".tf"} - {
        path for path in wanted() if path.name == BACKEND_FILE
    }
    assert (copy.customer_root / "../../../modules").resolve().is_dir()
    embedded = load_environment(environment.parent / ORIGINAL)
    assert staged(embedded, tmp_path) is embedded


README = (ROOT / "environments" / "README.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
TERRAFORM = """#!/bin/sh
echo "$(basename "$TF_DATA_DIR") $*" >>"$LOG"
case " $* " in *" $FAILS "*) exit 1 ;; esac
case " $* " in *" apply "*) [ ! -f backend_override.tf ] || echo state >terraform.tfstate ;; esac
"""


def typed(folder: Path, *blocks: str, fails: str = "nothing") -> list[str]:
    """What a Terraform that does nothing is asked for, as `DATA ARGUMENTS`, by blocks of the
    README that are pasted into one shell."""
    (folder / "terraform").write_text(TERRAFORM, encoding="utf-8")
    (folder / "terraform").chmod(0o700)
    log = folder / "log"
    log.unlink(missing_ok=True)
    private = folder / "private"
    private.mkdir(exist_ok=True)
    subprocess.run(
        ["sh", "-c", "\n".join(blocks).replace("/private/", f"{private}/")],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "LOG": str(log), "FAILS": fails},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return log.read_text(encoding="utf-8").replace(f"{private}/", "/private/").splitlines()


def block(text: str) -> str:
    (found,) = (each for each in BLOCKS if text in each)
    return found


def test_commands_of_the_readme_ask_the_state_that_they_name(tmp_path: Path) -> None:
    """Whatever was applied before: another account's state would answer, or lose its masking."""
    functions = block("apply() {")
    typed_last = typed(tmp_path, functions, block("apply sandbox customer"), block("handover |"))
    assert [line for line in typed_last if " output " in line] == [
        "operations-000000010001 -chdir=environments/sandbox/operations output -json handover"
    ]
    assert (
        "customer-000000010002 -chdir=environments/sandbox/customer apply "
        "-var profile=000000010002-customer -var customer=example -var account_id=000000010002 "
        "-var-file=/private/example.tfvars.json" in typed_last
    )
    # Terraform shows lines of a file of variables, whatever is in them.
    assert (
        "operations-000000010001 -chdir=environments/sandbox/operations apply "
        "-var profile=000000010001-operations" in typed_last
    )
    assert not re.search(r"-var-file=\S*external", README)
    # Nothing is applied where the state was not found.
    assert not [
        line
        for line in typed(tmp_path, functions, block("apply sandbox customer"), fails="init")
        if " apply " in line
    ]
    outside = README.replace(functions, "")
    assert not re.search(r"terraform\b.* -chdir", outside)


@pytest.mark.parametrize("fails", ["nothing", "-migrate-state", "apply"])
def test_the_state_of_the_states_is_deleted_once_it_has_moved(tmp_path: Path, fails: str) -> None:
    root = tmp_path / "environments" / "sandbox" / "bootstrap"
    root.mkdir(parents=True)
    asked = typed(tmp_path, block("-migrate-state"), fails=fails)
    assert (root / "terraform.tfstate").exists() is (fails == "-migrate-state")
    assert ("-migrate-state" in asked[-1]) is (fails != "apply")
