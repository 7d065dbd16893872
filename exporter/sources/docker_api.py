"""Docker's API by the docker package: containers listed, inspected, and their events.

The package's time-out is for one read of a socket, and its stream of events has none, so a daemon that hangs may keep
the thread that asks it. Whoever asks has a thread that can be replaced (``exporter.engine.worker``).
Importing this takes 150 ms and 7 MiB: import it where Docker is asked, not before.
"""

from __future__ import annotations

import contextlib
import http
import re
import socket
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import docker
import requests
import urllib3
from docker.errors import DockerException
from docker.types import CancellableStream

from exporter.model.errors import ApiRefusedError, CollectorError, ParseError
from exporter.parsers.fields import parse_json

# Many times what Docker says of a dozen containers.
ANSWER_BYTES = 1 << 20

_START = "is the socket proxy running, and Docker?"
_LISTENS = "what listens there?"
# The first that fits any of an error's causes is what a person is told.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (BlockingIOError, "accepts no more connections, it hangs; restart what listens there"),  # a UNIX socket's queue
    (FileNotFoundError, f"is not there: no such file; {_START}"),
    (ConnectionRefusedError, f"refuses connections, nobody listens; {_START}"),
    (PermissionError, "may not be used: permission denied; is the socket's group one of the exporter's?"),
    (socket.gaierror, "cannot be found, its name does not resolve"),
    (TimeoutError, f"did not answer within {{seconds:g}} s; {_START}"),
    (requests.Timeout, f"did not answer within {{seconds:g}} s; {_START}"),
    (requests.exceptions.ChunkedEncodingError, "broke off in the middle of an answer; what do its logs say?"),
    (ConnectionError, "closed the connection; what do the logs of what listens say?"),
    (urllib3.exceptions.HTTPError, f"sent something that is not HTTP; {_LISTENS}"),
)


def named(url: str) -> str:
    """Return how a sentence names Docker's API."""
    return f"Docker's API at {url}"


@contextlib.contextmanager
def connect(url: str, seconds: float) -> Iterator[docker.APIClient]:
    """Give a client for Docker at ``url``, whose every read of an answer may take ``seconds``.

    Raises:
        ApiRefusedError: Docker, or a proxy before it, answers with another status than 200.
        CollectorError: Docker does not answer, or not well.
        ParseError: an answer is not JSON.
    """
    try:
        with contextlib.closing(docker.APIClient(base_url=url, timeout=seconds)) as client:  # type: ignore[arg-type]
            client.hooks["response"].append(partial(_refuse, named(url)))
            yield client
    except (DockerException, OSError, urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
        raise _explained(named(url), seconds, error) from None


def list_containers(client: docker.APIClient, names: Collection[str]) -> object:
    """Return Docker's list of those containers, running or not."""
    patterns = ["^/?" + name.replace(".", r"\.") + "$" for name in names]
    return client.containers(all=True, filters={"name": patterns})


@contextlib.contextmanager
def open_events(client: docker.APIClient, since: float, wanted: Collection[str]) -> Iterator[CancellableStream[bytes]]:
    """Open the stream of the wanted events of containers, from Unix time ``since`` on."""
    # Docker takes fractions of a second, and bytes come back, whatever the package's stubs say.
    moment: Any = f"{since:.9f}"
    stream: Any = client.events(since=moment, filters={"type": ["container"], "event": list(wanted)})
    try:
        yield stream
    finally:
        close(stream)


def lines(url: str, stream: Iterable[bytes]) -> Iterator[bytes]:
    """Give the lines of a stream of events, one event each, until it ends or is closed.

    Raises:
        CollectorError: a line has no end.
    """
    rest = b""
    for chunk in stream:
        *complete, rest = (rest + chunk).split(b"\n")
        yield from filter(bytes.strip, complete)
        if len(rest) > ANSWER_BYTES:
            raise _too_long(named(url))


def close(stream: CancellableStream[bytes]) -> None:
    """End a stream, from any thread: whoever reads it gets to its end."""
    with contextlib.suppress(OSError, AttributeError):  # it has ended by itself
        stream.close()


def _refuse(where: str, response: requests.Response, *_: object, **__: object) -> None:
    """Look at an answer's head before the package reads on: a hook of requests."""
    announced = response.headers.get("Content-Length", "")
    path = urlsplit(response.request.path_url).path
    if response.status_code != http.HTTPStatus.OK:
        problem: CollectorError = _refusal(where, response)
    elif announced.isdecimal() and int(announced) > ANSWER_BYTES:
        problem = _too_long(where)
    elif path.endswith("/events") and response.headers.get("Transfer-Encoding") != "chunked":
        problem = CollectorError(f"{where} does not stream events; is there a proxy that collects whole answers?")
    else:
        return
    response.close()
    raise problem


def _too_long(where: str) -> CollectorError:
    return CollectorError(f"{where} sends more than any answer of Docker's is long; {_LISTENS}")


def _refusal(where: str, response: requests.Response) -> ApiRefusedError:
    status = response.status_code
    path = re.sub(r"^/v[0-9.]+", "", urlsplit(response.request.path_url).path)
    msg = f"{where} answered {status} to GET {path}"
    if status == http.HTTPStatus.FORBIDDEN:
        msg += "; let the socket proxy allow GET on the version, the list of containers, their inspection and events"
    elif reason := _reason(response):
        msg += f": {reason}"
    return ApiRefusedError(msg, status)


def _reason(response: requests.Response) -> str | None:
    with contextlib.suppress(requests.RequestException, ParseError):
        document = parse_json(next(response.iter_content(ANSWER_BYTES), b""), "the reason")
        reason = document.get("message") if isinstance(document, dict) else None
        return "".join(filter(str.isprintable, reason))[:200] if isinstance(reason, str) else None
    return None


def _explained(where: str, seconds: float, error: BaseException) -> CollectorError | ParseError:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, requests.HTTPError) and cause.response is not None:  # when the version was asked for
            return _refusal(where, cause.response)
        if type(cause) is OSError:  # none that has a sentence below
            return CollectorError(f"{where} cannot be reached: {cause.strerror or cause}; {_START}")
    for kind, sentence in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return CollectorError(f"{where} {sentence.format(seconds=seconds)}")
    if any(isinstance(cause, ValueError | RecursionError) for cause in causes):
        return ParseError(f"{where} sent something that is not JSON; {_LISTENS}")
    return CollectorError(f"{where} cannot be asked: {error}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it comes from; requests and urllib3 have it among the arguments."""
    found = [error]
    for one in found:
        yield one
        found += [
            cause
            for cause in (*one.args, one.__cause__, one.__context__)
            if isinstance(cause, BaseException) and cause not in found
        ]
