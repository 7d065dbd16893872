"""Adverts that the client of a lab sends, each by a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.lab.advert_sender import Advert
from tests.lab.helper_process import HelperProcess
from tests.lab.lab import Lab


@contextlib.contextmanager
def sending(pair: Lab, *adverts: Advert) -> Iterator[None]:
    """The client sends these adverts, each by a process of its own, at their rate."""
    senders = [HelperProcess(pair.client.command, "advert_sender", advert.arguments) for advert in adverts]
    try:
        for sender in senders:
            sender.wait_started()
        yield
        assert min(map(HelperProcess.finish, senders)) > 0
    finally:
        for sender in senders:
            sender.close()
