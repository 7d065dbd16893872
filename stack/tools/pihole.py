"""This node's Pi-hole and the other one's, with their passwords."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from exporter.settings import web_port
from exporter.settings.values import Settings
from stack.tools.errors import RefusedError, ToolError
from stack.tools.pihole_api import PiholeApi, read_password
from stack.tools.pinned import pinned
from stack.tools.settings import TaskSettings


def here(tasks: TaskSettings, timeout: float) -> PiholeApi:
    """This node's.

    Raises:
        ToolError: its password cannot be read.
    """
    return PiholeApi(tasks.pihole_api or api_url(tasks, "127.0.0.1"), password_here(tasks), timeout)


def there(node: Settings, tasks: TaskSettings, timeout: float) -> PiholeApi:
    """The other node's; where nothing else is said its web port is the same as this one's.

    Raises:
        RefusedError: it would get the password in clear, or has another certificate than at the first contact.
        ToolError: there is no other node, it does not answer, or its password cannot be read.
    """
    url = url_there(node, tasks)
    pin = pinned(url, tasks.task_directory) if url.startswith("https:") else None
    return PiholeApi(url, password_there(tasks), timeout, pin)


def url_there(node: Settings, tasks: TaskSettings) -> str:
    """Where the other node's API is: by TLS alone, for the password goes there, and whoever has that address gets it.

    Raises:
        RefusedError: it would have to go there in clear.
        ToolError: there is no other node.
    """
    if node.peer_ip is None:
        msg = "PEER_IP is not set; a standalone node has nothing to copy"
        raise ToolError(msg)
    url = tasks.peer_pihole_api or api_url(tasks, str(node.peer_ip))
    if not url.startswith("https:") and not _is_this_machine(urlsplit(url).hostname or ""):
        raise RefusedError(
            f"{url} is not encrypted, and Pi-hole's password is not sent to another host in clear; give the other "
            "Pi-hole an encrypted port (443os in PIHOLE_WEB_PORT, on both nodes) or write its https:// URL into "
            "PEER_PIHOLE_API"
        )
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def api_url(tasks: TaskSettings, host: str) -> str:
    """Where a Pi-hole with this node's web ports has its API at an address."""
    return web_port.api_url(tasks.pihole_web_port, ip_address(host))


def password_here(tasks: TaskSettings) -> str:
    """The application password if there is one, which two-factor authentication does not stop; or the password.

    Raises:
        ToolError: it cannot be read.
    """
    return _application_password(tasks.pihole_app_password_file) or read_password(tasks.pihole_password_file)


def password_there(tasks: TaskSettings) -> str:
    """The same for the other node's Pi-hole, whose password is the same where none is given.

    Raises:
        ToolError: it cannot be read.
    """
    own = _application_password(tasks.peer_pihole_app_password_file)
    return own or read_password(tasks.peer_pihole_password_file or tasks.pihole_password_file)


def _application_password(path: Path | None) -> str:
    """Read a file that is empty where .env has no such password."""
    if path is None or not path.exists() or not path.read_text(errors="replace").strip():
        return ""
    return read_password(path)
