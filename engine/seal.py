"""No way out of the machine: an audit hook that refuses every connection that is not loopback.

An audit hook cannot be removed again, so nothing that Rasa or a library does later can open the seal. Programs are
not started either, for they would carry no hook.
"""

import ipaddress
import socket
import sys
from typing import Any

LOOPBACK_NAMES = frozenset({"localhost"})
_INTERNET = (socket.AF_INET, socket.AF_INET6)


class Sealed(PermissionError):
    """The engine tried to reach something outside this machine, or to start a program."""


def is_loopback(host: Any, nowhere: bool = True) -> bool:
    """Whether a host, as given to the socket module, is this machine's loopback; names are not resolved.

    ``nowhere`` is the answer for no host at all: a look-up of it stays here, but to listen on it is to listen
    everywhere.
    """
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not host:
        return nowhere
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(event: str, args: Any) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = args[0], args[1]
        if sock.family == socket.AF_UNIX or address is None:
            return
        if not (isinstance(address, tuple) and is_loopback(address[0])):
            raise Sealed(f"the engine may not reach {address!r}")
    elif event == "socket.bind":
        sock, address = args[0], args[1]
        if sock.family in _INTERNET and not (isinstance(address, tuple) and is_loopback(address[0], nowhere=False)):
            raise Sealed(f"the engine may not listen on {address!r}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        # A look-up is a message to the outside too.
        if not is_loopback(args[0]):
            raise Sealed(f"the engine may not look up {args[0]!r}")
    elif event == "socket.getnameinfo":
        if not (isinstance(args[0], tuple) and is_loopback(args[0][0])):
            raise Sealed(f"the engine may not look up {args[0]!r}")
    elif event in ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen"):
        raise Sealed(f"the engine may not start programs ({event})")


def close() -> None:
    """Install the hook for the rest of this process's life."""
    sys.addaudithook(_refuse)
