"""Which profile of the person at the terminal is whose: one per account, found or named.

Profiles lie where the AWS CLI has them, with Identity Center (`sso_session`, `sso_account_id`),
roles (`role_arn`), programs (`credential_process`) or keys behind them. No secret is kept of them.
https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import UserError

FORMAT = "bulkhead-access/1"
CALLER = "caller"
"""A profile `caller@ACCOUNT` has the credentials of the account's caller role, which only the
service that runs the application gives."""


@dataclass(frozen=True, slots=True)
class Access:
    """Whose credentials are where. Holds no secret."""

    environment: str
    partition: str
    run: str
    """Names this run of the environment in tags, until it is destroyed."""
    config: str
    credentials: str
    """The AWS configuration and credentials files that the profiles are in."""
    folder: str
    """Where files made from these go."""
    profiles: Mapping[str, str]
    """By account: the profile of its owner."""
    callers: Mapping[str, str]
    """By account: the profile of its caller role, where there is one."""
    administrator: str = ""
    """Who these owners are in their accounts: `role/PATH/NAME` or `user/PATH/NAME`."""

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return Path(self.folder) / "access.json"

    def save(self) -> None:
        """Keeps it, for its owner's eyes only."""
        document = {"format": FORMAT, **asdict(self)}
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=2, sort_keys=True) + "\n")

    @classmethod
    def load(cls, path: Path) -> Access:
        """Reads what `save` wrote. Raises `UserError` when it is not that."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document.pop("format") != FORMAT:
                raise UserError(f"{path}: was written by another release; apply again")
            return cls(**document)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: does not say whose credentials are where") from error


def config_files(environ: Mapping[str, str] | None = None) -> tuple[Path, Path]:
    """The AWS configuration and credentials files of the person at the terminal."""
    env = os.environ if environ is None else environ
    return (
        Path(env.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser().absolute(),
        Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
        .expanduser()
        .absolute(),
    )


def read_profiles(config: Path, credentials: Path) -> dict[str, dict[str, str]]:
    """What both files say of each profile, secrets left out; a file that is not there says nothing.

    Raises `UserError` for a file that cannot be read.
    """
    found: dict[str, dict[str, str]] = {}
    for file, prefix in ((credentials, ""), (config, "profile ")):
        parser = configparser.RawConfigParser()
        try:
            with file.open(encoding="utf-8") as text:
                parser.read_file(text)
        except FileNotFoundError:
            continue
        except (OSError, configparser.Error, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot be read as AWS profiles; mend it") from error
        for section in parser.sections():
            name = section.removeprefix(prefix) if section != "default" else section
            if prefix and section == name != "default":
                continue  # an `sso-session` or `services` section
            shown = {k: v for k, v in parser[section].items() if not k.startswith("aws_")}
            found.setdefault(name, {}).update(shown)
    return found


def find_profiles(
    accounts: Iterable[str],
    profiles: Mapping[str, Mapping[str, str]],
    named: Mapping[str, str],
    administrator: str,
) -> tuple[dict[str, str], list[str]]:
    """By account, the profile of its owner; and what is wrong with the others, a sentence each.

    A profile is an account's if `named` says so, else if it is named by the account id, else if its
    `sso_account_id` or its `role_arn` is in the account, the administrator's role before others.
    """
    found: dict[str, str] = {}
    wrong = []
    for account in accounts:
        if account in named:
            if named[account] in profiles:
                found[account] = named[account]
            else:
                wrong.append(f"{account}: there is no profile {named[account]}")
            continue
        candidates = [account] if account in profiles else _candidates(account, profiles)
        owners = [
            name
            for name in candidates
            if profiles[name].get("role_arn", "").endswith(f"::{account}:{administrator}")
        ]
        if len(owners or candidates) == 1:
            found[account] = (owners or candidates)[0]
        elif candidates:
            names = ", ".join(sorted(owners or candidates))
            wrong.append(
                f"{account}: the profiles {names} are all of it; say --profile {account}=NAME"
            )
        else:
            wrong.append(
                f"{account}: no profile is of it; name one {account} in the AWS configuration, or "
                f"say --profile {account}=NAME"
            )
    return found, wrong


def _candidates(account: str, profiles: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [
        name
        for name, settings in profiles.items()
        if "@" not in name
        and (
            settings.get("sso_account_id") == account
            or f":iam::{account}:" in settings.get("role_arn", "")
        )
    ]
