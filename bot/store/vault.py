"""Encryption of single fields, and keyed hashes for looking addresses up.

Every value is sealed with AES-GCM under a key that is named in the value, and bound to its table, column and row, so
that nothing can be moved from one row to another. Keys live outside the database: in a file or in the environment.
"""

import base64
import fcntl
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_ID_BYTES = 8
_NONCE_BYTES = 12
_SHORTEST = _ID_BYTES + _NONCE_BYTES + 16


class VaultError(Exception):
    """A key is missing, malformed, or does not open the value it is asked to open."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: the value opens nowhere else."""

    table: str
    column: str
    row: str

    def bound(self) -> bytes:
        return f"{self.table}\x1f{self.column}\x1f{self.row}".encode()


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


def new_key() -> tuple[str, bytes]:
    """A fresh key: its id (16 hexadecimal digits) and 32 random bytes."""
    return secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES)


def format_keys(keys: Mapping[str, bytes]) -> str:
    """Keys as text, one ``id:base64`` a line, the current one first."""
    return "".join(f"{key_id}:{base64.b64encode(key).decode()}\n" for key_id, key in keys.items())


def parse_keys(text: str) -> dict[str, bytes]:
    """Read keys from ``id:base64`` entries divided by commas or lines; the first is the current one.

    Raises:
        VaultError: an entry is malformed or there is none; the message says which and what is expected.
    """
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(text.replace(",", "\n").split(), start=1):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
            known = bytes.fromhex(key_id)
        except ValueError:
            key, known = b"", b""
        if len(key) != KEY_BYTES or len(known) != _ID_BYTES:
            raise VaultError(
                f"key {number} is not 16 hexadecimal digits, a colon and {KEY_BYTES} bytes in base64; "
                "`handrail keys print` prints one"
            )
        # Values carry the id in small letters, whatever the key file says.
        if keys.setdefault(known.hex(), key) != key:
            raise VaultError(f"key {number} has the id of an earlier one but is another key: remove the wrong one")
    if not keys:
        raise VaultError("no encryption key given; `handrail keys print` prints one")
    return keys


def write_keys(path: Path, keys: Mapping[str, bytes]) -> None:
    """Write a key file that only its owner may read, replacing an older one in one step.

    Raises:
        VaultError: it cannot be written there.
    """
    try:
        _write_keys(path, keys)
    except OSError as error:
        raise VaultError(f"the key file {path} cannot be written: {error.strerror}") from error


def _write_keys(path: Path, keys: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made anew under a name of its own, readable by its owner alone.
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w") as handle:
        handle.write(format_keys(keys))
        handle.flush()
        os.fsync(handle.fileno())
    Path(fresh).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Else a power cut could take the new key away and leave what it has sealed.
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one process at a time change a key file: two at once would each lose the other's key.

    Raises:
        VaultError: another one is changing it.
    """
    # The folder is locked and not the file, which is replaced by another one meanwhile.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise VaultError(f"another command is changing the keys in {path}: wait until it has ended") from error
        yield
    finally:
        os.close(folder)


class Vault:
    """Seals, opens and hashes with a ring of keys; the first key seals, all of them open.

    ``reread`` gives the ring as it stands now. It is asked when a value carries an unknown key, so that a running
    service follows a rotation without being started again.
    """

    def __init__(self, keys: Mapping[str, bytes], reread: Callable[[], Mapping[str, bytes]] | None = None) -> None:
        self._reread = reread
        self._take(keys)

    def _take(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise VaultError("no encryption key given")
        self._keys = dict(keys)
        self._seal = {key_id: AESGCM(_derive(key, "handrail field")) for key_id, key in keys.items()}
        self._hash = {key_id: _derive(key, "handrail look-up") for key_id, key in keys.items()}
        self.current = next(iter(keys))

    def refresh(self) -> bool:
        """Read the ring again; returns whether it has changed."""
        if self._reread is None:
            return False
        keys = dict(self._reread())
        if list(keys.items()) == list(self._keys.items()):
            return False
        self._take(keys)
        return True

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys in the ring, the current one first."""
        return tuple(self._keys)

    def seal(self, place: Place, text: str) -> bytes:
        """Encrypt a text for one place; lone surrogates survive the round trip."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = self._seal[self.current].encrypt(nonce, text.encode("utf-8", "surrogatepass"), place.bound())
        return bytes.fromhex(self.current) + nonce + body

    def open(self, place: Place, sealed: bytes) -> str:
        """Decrypt a value at its place.

        Raises:
            VaultError: the key is unknown, or the value was changed or moved.
        """
        key_id = self.key_of(sealed)
        if len(sealed) < _SHORTEST:
            raise VaultError(f"{place.table}.{place.column} of row {place.row} does not open: cut short")
        cipher = self._seal.get(key_id)
        if cipher is None and self.refresh():
            cipher = self._seal.get(key_id)
        if cipher is None:
            raise VaultError(f"{place.table}.{place.column} is sealed with key {key_id}, which is not in the ring")
        nonce, body = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], sealed[_ID_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, place.bound()).decode("utf-8", "surrogatepass")
        except InvalidTag as error:
            raise VaultError(
                f"{place.table}.{place.column} of row {place.row} does not open: changed or moved"
            ) from error

    @staticmethod
    def key_of(sealed: bytes) -> str:
        """The id of the key that a value was sealed with."""
        return sealed[:_ID_BYTES].hex()

    def digest(self, text: str) -> str:
        """Keyed hash of an address under the current key, as 64 hexadecimal digits."""
        return self._digest(self.current, text)

    def digests(self, text: str) -> tuple[str, ...]:
        """The hashes under every key of the ring: during a rotation an address may stand under an older one."""
        return tuple(self._digest(key_id, text) for key_id in self._hash)

    def _digest(self, key_id: str, text: str) -> str:
        return hmac.new(self._hash[key_id], text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
