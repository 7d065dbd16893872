"""Docker's API, as far as a filtering socket proxy shows it: containers listed, inspected, and their events.

Nothing else is asked, neither ``/_ping`` nor ``/version``: the version is the first one that is not refused.
This module imports the docker package: import it where Docker is asked, not before.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Self, TypeVar

import docker
import requests
import urllib3
from docker.errors import DockerException

from exporter.model.errors import CollectorError, ParseError
from exporter.sources.docker_guard import Guard, SilenceError, VersionError
from exporter.sources.docker_transport import GuardedAdapter

# Engine 29 speaks none that is older. Docker 20.10 speaks 1.41 at most, and says so when it refuses this one.
FIRST_VERSION = "1.44"
REQUEST_SECONDS = 2.0
# Many times what Docker says of a dozen containers.
ANSWER_BYTES = 1 << 20
# So long may a stream of events be silent: nothing else tells that its other end has gone.
SILENT_SECONDS = 60.0

Answer = TypeVar("Answer")


class DockerApi:
    """One Docker; asks nothing by itself."""

    def __init__(self, url: str, request_seconds: float = REQUEST_SECONDS) -> None:
        self.url = url
        self.request_seconds = request_seconds
        self.version = FIRST_VERSION
        self._lock = threading.Lock()
        self._sessions: set[DockerSession] = set()
        self._closed = False

    def session(self, seconds: float | None = None) -> DockerSession:
        """Return a connection that does not exist yet, all of whose answers must be there within ``seconds``.

        Raises:
            CollectorError: this was closed.
        """
        with self._lock:
            if self._closed:
                msg = f"Docker's API at {self.url} is not asked any more"
                raise CollectorError(msg)
            session = DockerSession(self, seconds)
            self._sessions.add(session)
        return session

    def forget(self, session: DockerSession) -> None:
        """Forget a session that has ended."""
        with self._lock:
            self._sessions.discard(session)

    def close(self) -> None:
        """Interrupt every session, and allow no new one."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions)
        for session in sessions:
            session.interrupt()


class DockerSession:
    """One connection to Docker's API, used by one thread, interrupted by any."""

    def __init__(self, api: DockerApi, seconds: float | None) -> None:
        self._api = api
        self._until = None if seconds is None else time.monotonic() + seconds
        self._guard = Guard(api.url)
        self._client: docker.APIClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._api.forget(self)
        if self._client is not None:
            self._client.close()

    def interrupt(self) -> None:
        """Make whatever waits for this connection fail at once; it is still to be closed."""
        self._guard.close()

    def list_containers(self, names: Collection[str]) -> object:
        """Return Docker's list of those containers, running or not.

        Raises:
            CollectorError: Docker does not answer, or not well.
            ParseError: its answer is not JSON.
        """
        patterns = ["^/?" + name.replace(".", r"\.") + "$" for name in names]
        return self._ask(lambda client: client.containers(all=True, filters={"name": patterns}))

    def inspect_container(self, identifier: str) -> object:
        """Return Docker's description of a container.

        Raises:
            RefusedError: with status 404 if there is no such container.
            CollectorError: Docker does not answer, or not well.
            ParseError: its answer is not JSON.
        """
        description: object = self._ask(lambda client: client.inspect_container(identifier))
        return description

    def listen(self, since: float, wanted: Collection[str]) -> Iterator[bytes]:
        """Open the stream of the wanted events of containers from Unix time ``since`` on, each one a line.

        The lines end when the stream has been silent for a minute.

        Raises:
            CollectorError: Docker does not answer, or not well; while lines are read too.
        """
        parameters = {
            "since": f"{since:.9f}",
            "filters": json.dumps({"type": ["container"], "event": list(wanted)}),
        }

        def ask(client: docker.APIClient) -> requests.Response:
            # Not client.events(): it reads a chunk whole, however long its sender says that it is.
            url = f"{client.base_url}/v{client.api_version}/events"
            return client.get(url, params=parameters, stream=True, timeout=self._api.request_seconds)

        response = self._ask(ask)
        if response.headers.get("Transfer-Encoding", "").lower() != "chunked":
            response.close()
            msg = f"{self._guard.where} does not stream events; is there a proxy that collects whole answers?"
            raise CollectorError(msg)
        return self._lines(response)

    def _lines(self, response: requests.Response) -> Iterator[bytes]:
        with response:
            rest = b""
            try:
                self._guard.allow(SILENT_SECONDS, ANSWER_BYTES)
                for chunk in response.iter_content(ANSWER_BYTES):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from filter(bytes.strip, lines)
                    if lines:
                        self._guard.allow(SILENT_SECONDS, ANSWER_BYTES)
            except SilenceError:
                return
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise self._broken(error) from None
        msg = f"{self._guard.where} ended its stream of events"
        raise CollectorError(msg)

    def _ask(self, ask: Callable[[docker.APIClient], Answer]) -> Answer:
        try:
            return self._ask_once(ask)
        except VersionError as error:
            if self._client is not None:
                self._client.close()
                self._client = None
            self._api.version = error.spoken
            return self._ask_once(ask)

    def _ask_once(self, ask: Callable[[docker.APIClient], Answer]) -> Answer:
        self._guard.allow(self._api.request_seconds, ANSWER_BYTES, until=self._until)
        try:
            if self._client is None:
                self._client = self._new_client()
            return ask(self._client)
        except requests.JSONDecodeError:
            raise self._not_json() from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._broken(error) from None
        except (ValueError, RecursionError):  # a number of thousands of digits, say, or nested too deep
            raise self._not_json() from None
        except DockerException as error:
            msg = f"{self._guard.where} cannot be asked: {error}"
            raise CollectorError(msg) from None

    def _new_client(self) -> docker.APIClient:
        # With a version its constructor asks Docker nothing.
        client = docker.APIClient(self._api.url, version=self._api.version, timeout=self._api.request_seconds)  # type: ignore[arg-type]
        client.trust_env = False  # no proxies for the web, no .netrc
        client.max_redirects = 0
        adapter = GuardedAdapter(self._guard)
        for prefix in list(client.adapters):
            client.adapters.pop(prefix).close()
        client.mount(client.base_url, adapter)
        return client

    def _not_json(self) -> ParseError:
        return ParseError(f"{self._guard.where} sent something that is not JSON; what listens there?")

    def _broken(self, error: Exception) -> CollectorError:
        reasons = [error, *error.args, *(a for argument in error.args for a in getattr(argument, "args", ()))]
        if any(isinstance(reason, OSError) and not isinstance(reason, requests.RequestException) for reason in reasons):
            return CollectorError(f"{self._guard.where} closed the connection; what do the logs of what listens say?")
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return CollectorError(f"{self._guard.where} broke off in the middle of an answer; what do its logs say?")
        return CollectorError(f"{self._guard.where} sent something that is not HTTP; what listens there?")
