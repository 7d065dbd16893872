"""What an HTTP status of Pi-hole's means, also where its words are missing: one that ends cuts its answer off."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from stack.tools.pihole_http import BusySeatsError, NoSessionError, PiholeError, Request, exchange


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("429 Too Many Requests", BusySeatsError),
        ("401 Unauthorized", NoSessionError),
        ("500 Internal Server Error", PiholeError),
    ],
)
def test_an_answer_that_is_cut_off_after_its_status_still_means_what_it_says(
    status: str, kind: type[Exception]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"{}"):  # what is left unread would reset the connection
                    asked += connection.recv(65536)
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\n".encode())

        cut = threading.Thread(target=answer)
        cut.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/auth"
        request = Request("POST", url, time.monotonic() + 10, 10, {}, b"{}", None)
        with pytest.raises(PiholeError) as raised, exchange(request):
            pass
        cut.join(10)
    assert type(raised.value) is kind
