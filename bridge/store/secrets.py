"""Secrets at rest: other people's tokens encrypted, our own keys hashed."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bridge.errors import SetupError

KEY_FILE = "secret.key"


class Vault:
    """Encrypts with the first key, decrypts with any (rotation by listing two)."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError) as error:
            raise SetupError(
                "A storage key (storage.secret_keys or the key file) is not a Fernet key.",
                advice="A key is 32 random bytes in URL-safe base64: `ponte config secret`.",
            ) from error
        self._mac_key = hashlib.sha256(b"ponte person keys " + keys[-1].encode()).digest()

    def seal(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raise `SetupError` when no listed key fits."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SetupError(
                "A stored secret cannot be decrypted with the storage keys given.",
                advice=(
                    "The database belongs to another key: put that key back "
                    "(storage.secret_keys or the file secret.key)."
                ),
            ) from error

    def rotate(self, sealed: str) -> str:
        """The same secret, sealed with the first key. Raises `SetupError` as `open` does."""
        return self.seal(self.open(sealed))

    def tag(self, *parts: str) -> str:
        """A short code that outsiders cannot guess.

        It is made with the *oldest* key, so that it stays the same when a new key is put first.
        """
        return hmac.new(self._mac_key, "\0".join(parts).encode(), "sha256").hexdigest()[:20]


def hash_key(key: str) -> str:
    """The form in which an API key is stored. Keys are random, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """A new API key in Evolution's form: a random UUID (version 4, 122 bits) in upper case."""
    return str(UUID(bytes=secrets.token_bytes(16), version=4)).upper()


def new_secret() -> str:
    """A random path segment or token, safe in URLs."""
    return secrets.token_urlsafe(24)


def load_vault(keys: Sequence[str], data_dir: Path) -> Vault:
    """Take the keys given, else those of the key file, which is made (mode 0600) when missing."""
    if keys:
        return Vault(keys)
    path = data_dir / KEY_FILE
    try:
        listed = path.read_text("ascii").split()
    except FileNotFoundError:
        listed = [_make_key_file(path)]
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The key file {path} cannot be read: {error}.") from error
    if not listed:
        raise SetupError(
            f"The key file {path} is empty.",
            advice="Put the key back from your backup; without it stored tokens are lost.",
        )
    return Vault(listed)


def _make_key_file(path: Path) -> str:
    key = Fernet.generate_key().decode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SetupError(f"The key file {path} cannot be made: {error.strerror}.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key
