"""The spool: what came in while the database is away, sealed and on disk before anyone is told that we have it."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from bot.delivery.messages import Inbound
from bot.store.vault import Place, Vault, VaultError

log = structlog.get_logger()

_KEPT, _BROKEN = ".msg", ".broken"


class Spool:
    """A folder with one sealed file a message, in the order in which they came."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault
        # Files that the disk does not give: nobody waits for them.
        self._unreadable: set[str] = set()

    def put(self, message: Inbound) -> None:
        """Keep a message. When this has returned it survives a power cut.

        Raises:
            OSError: the disk is full or away; nothing was kept.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        fresh = self._folder / f".{name}"
        sealed = self._vault.seal(Place("spool", "message", name), message.dump())
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(sealed)
                handle.flush()
                os.fsync(handle.fileno())
            fresh.rename(self._folder / f"{name}{_KEPT}")
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self._sync()

    def waiting(self) -> Iterator[tuple[Path, Inbound]]:
        """The messages that are kept, oldest first, each with its file; what does not open is left where it is."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob(f"*{_KEPT}")):
            try:
                message = Inbound.parse(self._vault.open(Place("spool", "message", path.stem), path.read_bytes()))
            except FileNotFoundError:
                continue
            except OSError:
                # It stays, and is tried again: no other waits for it.
                log.exception("a spooled message cannot be read", file=path.name)
                self._unreadable.add(path.name)
                continue
            except (VaultError, ValueError, LookupError, TypeError):
                log.exception("a spooled message does not open", file=path.name)
                path.rename(path.with_suffix(_BROKEN))
                continue
            self._unreadable.discard(path.name)
            yield path, message

    def done(self, path: Path) -> None:
        """Forget a message that the database has."""
        path.unlink(missing_ok=True)
        self._sync()

    def names(self) -> set[str]:
        """The files of the messages that wait, as far as they can be read."""
        names = {path.name for path in self._folder.glob(f"*{_KEPT}")} if self._folder.is_dir() else set()
        return names - self._unreadable

    def broken(self) -> int:
        """How many files lie there that do not open."""
        return len(list(self._folder.glob(f"*{_BROKEN}"))) if self._folder.is_dir() else 0

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
