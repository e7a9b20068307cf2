"""Secure strings of Parameter Store that are read without decryption: ciphertext, as on AWS.

moto would show the value behind a prefix, to whoever lacks its key.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import functools
from typing import Any

from cryptography.fernet import Fernet
from moto.ssm.models import Parameter


@functools.cache
def adapt_secure_strings() -> None:
    """Let moto keep them encrypted under a key of this process. Once is enough."""
    cipher = Fernet(Fernet.generate_key())
    parameter: Any = Parameter

    def encrypt(_self: Any, value: str) -> str:
        return cipher.encrypt(value.encode()).decode()

    def decrypt(self: Any, value: str) -> str:
        if self.parameter_type != "SecureString":
            return value
        return cipher.decrypt(value.encode()).decode()

    parameter.encrypt = encrypt
    parameter.decrypt = decrypt
