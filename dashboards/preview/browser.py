"""A headless Chromium, driven over a pipe by its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).

Messages are JSON, each ended by a NUL byte: the browser reads them from descriptor 3 and writes its own to 4.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

COMMAND: Final = "chromium"
_ANSWER_SECONDS: Final = 30.0
# Bash takes descriptors above 9, and leads the pipes to where the browser looks for them.
_WIRED: Final = ("bash", "-c", 'exec "$@" 3<&"$0" 4>&"$WRITE"')
_OPTIONS: Final = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it refuses to run as root otherwise; it opens nothing but our own pages
    "--no-proxy-server",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--disable-background-networking",
)

Scheme = Literal["light", "dark"]
Json = dict[str, Any]


class BrowserError(Exception):
    """The browser ended, did not answer, or refused; the message has what it said."""


class Browser:
    """One page of one browser."""

    def __init__(self, write: int, read: int) -> None:
        """Attach to a new page; ``write`` and ``read`` are the pipes' descriptors.

        Raises:
            BrowserError: the browser does not answer.
        """
        self._write, self._read = write, read
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")

    def open(self, url: str, *, width: int, height: int, scheme: Scheme, scale: float = 1) -> None:
        """Show a page in a window of this size (CSS pixels), and wait until it is loaded.

        Raises:
            BrowserError: it cannot be loaded.
        """
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=width < 600,
        )  # fmt: skip
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        if problem := self._call("Page.navigate", url=url).get("errorText"):
            raise BrowserError(f"{url}: {problem}")
        self._wait(lambda message: message.get("method") == "Page.loadEventFired", f"{url} to be loaded")

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401  JSON
        """Return what a JavaScript expression gives, a promise's value once it is kept.

        Raises:
            BrowserError: it throws.
        """
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def photograph(self, *, width: int, height: int) -> bytes:
        """Return the top of the page as PNG."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = self._call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def _call(self, method: str, **parameters: object) -> Json:
        self._number += 1
        number = self._number
        message: Json = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._wait(lambda found: found.get("id") == number, f"an answer to {method}")
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        result: Json = answer["result"]
        return result

    def _wait(self, wanted: Callable[[Json], bool], what: str) -> Json:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            while b"\0" in self._buffer:
                text, _, self._buffer = self._buffer.partition(b"\0")
                message: Json = json.loads(text)
                if wanted(message):
                    return message
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            received = os.read(self._read, 1 << 20) if ready else b""
            if not received:
                raise BrowserError(f"waited for {what}: {'the browser ended' if ready else 'the time is over'}")
            self._buffer += received


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser while the context lasts.

    Raises:
        BrowserError: it does not start; the message ends with what it printed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="dnsha-browser-", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        directory = Path(name)
        its_read, write = os.pipe()
        read, its_write = os.pipe()
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_WIRED, str(its_read), COMMAND, *_OPTIONS, f"--user-data-dir={directory / 'profile'}"],
                pass_fds=(its_read, its_write),
                env={**os.environ, "WRITE": str(its_write), "HOME": name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        os.close(its_read)
        os.close(its_write)
        stack.callback(_end, process)
        stack.callback(os.close, read)
        stack.callback(os.close, write)  # it ends when nobody can speak to it any more
        try:
            yield Browser(write, read)
        except BrowserError as error:
            error.add_note(log.read_text(errors="replace")[-2000:])
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
