"""Addresses of Ray clusters: the one that the environment names, and the job server that a command is sent to.

Ray waits up to two minutes for an address at which none of its servers listens; here that is found at once. Importing
this needs no Ray.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket

from envs.errors import ClusterError, ConfigError
from envs.inputs.hosts import is_host, names_server

DASHBOARD = 8265
"""The port of Ray's dashboard, which is the job server."""
HOST_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
"""An address that Ray's own processes listen at, such as ``10.0.0.1:6379`` or ``[::1]:6379``."""
_NO_DASHBOARD = ("6379", "10001")
"""The usual ports of a cluster's own protocol and of Ray Client."""
PATIENCE = 5.0
"""Seconds for which a server may leave a connection without an answer."""


def cluster_address() -> str | None:
    """The cluster that the environment names by RAY_ADDRESS: HOST:PORT, or ``auto``; None where it names none.

    Raises:
        ConfigError: RAY_ADDRESS is the address of a job server or of Ray Client, or none at all.
    """
    address = os.environ.get("RAY_ADDRESS", "").strip()
    if address in ("", "local"):
        return None
    if address == "auto" or _listener(address) is not None:
        return address
    if address.startswith(("http://", "https://")):
        raise ConfigError(
            f"RAY_ADDRESS={address} names a job server, to which ecr-rl submit sends commands. Unset RAY_ADDRESS to "
            "run this one here (submit reads RAY_API_SERVER_ADDRESS, too), or give the cluster's HOST:6379"
        )
    if address.startswith("ray://"):
        raise ConfigError(
            f"RAY_ADDRESS={address} names a server of Ray Client, through which nothing is trained. Send the command "
            "by ecr-rl submit, unset RAY_ADDRESS to run it here, or give the cluster's HOST:6379"
        )
    raise ConfigError(
        f"RAY_ADDRESS={address} is no address of a cluster. Write HOST:PORT, such as 127.0.0.1:6379, or unset it to "
        "run the command on this machine"
    )


def answering_cluster() -> str | None:
    """The same, once the cluster has answered; called before work that would be lost where it does not.

    Raises:
        ConfigError: RAY_ADDRESS is no address of a cluster.
        ClusterError: none answers there.
    """
    address = cluster_address()
    listener = _listener(address or "")
    if listener is not None and not speaks_grpc(*listener):
        raise ClusterError(
            f"no Ray cluster answers at RAY_ADDRESS={address}. Unset RAY_ADDRESS to run the command on this machine, "
            "or give the HOST:PORT that ray start --head has printed"
        )
    return address


def _listener(address: str) -> tuple[str, int] | None:
    """Host, without brackets, and port of a HOST:PORT that can exist; None for any other text."""
    found = HOST_PORT.fullmatch(address)
    if found is None or not is_host(host := found["host"].strip("[]")) or not 0 < int(found["port"]) < 2**16:
        return None
    return host, int(found["port"])


def speaks_grpc(host: str, port: int) -> bool:
    """Whether a server of Ray's protocol, gRPC, listens there: it sends its settings first (HTTP/2, frame type 4)."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE) as connection:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return True
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
            frame = connection.recv(9, socket.MSG_WAITALL)
    except OSError:
        return False
    return frame[3:4] == b"\x04"


def job_server_address(address: str) -> str:
    """The address of a job server as Ray's client takes it: ``http://HOST:PORT``, or a cluster's ``HOST:PORT``.

    Args:
        address: as written by a user; spaces around it and slashes behind it do not count.

    Raises:
        ConfigError: it is none; the message says what to write.
    """
    written, address = address, address.strip().rstrip("/")
    listener = _listener(address)
    if address == "auto" or (listener is not None and speaks_grpc(*listener)):
        return address
    if re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", address) and _has_host(address):
        return address
    raise ConfigError(f"{written!r} is no address of a job server: write {_meant(address)}")


def _has_host(url: str) -> bool:
    """Whether a URL has a host and, where it names a port, one that exists."""
    try:
        return names_server(url)
    except ValueError:
        return False


def _meant(address: str) -> str:
    """The job server's address that somebody perhaps meant."""
    place = re.sub(r"^(https?|ray):?/+|^\w+:/+|^https?:?$", "", address).partition("/")[0]
    try:
        return f"http://[{ipaddress.IPv6Address(place.strip('[]'))}]:{DASHBOARD}"
    except ValueError:
        pass
    host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
    if HOST_PORT.fullmatch(place) and port not in _NO_DASHBOARD and _has_host(f"http://{place}"):
        return f"http://{place}"
    return (
        f"http://{host}:{DASHBOARD}" if re.fullmatch(r"[\w.-]+", host) and is_host(host) else f"http://HOST:{DASHBOARD}"
    )
