"""Names of servers in addresses: whether any resolver could take them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_host(name: str) -> bool:
    """Whether a name, or an IP address without brackets, can be looked up: its labels have 1 to 63 characters."""
    if ":" in name:
        try:
            ipaddress.IPv6Address(name)
        except ValueError:
            return False
        return True
    try:
        return bool(name.encode("idna").rstrip(b"."))  # as sockets do
    except UnicodeError:
        return False


def names_server(url: str) -> bool:
    """Whether a URL has a host that can be looked up and, where it names a port, one that exists.

    Raises:
        ValueError: of the port or of brackets; the message says what is wrong.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if "[" in parts.netloc and ":" not in host:
        return False
    return is_host(host) and parts.port != 0
