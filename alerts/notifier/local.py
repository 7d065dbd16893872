"""Questions to this node's Prometheus and Alertmanager; an answer may be missing, or make no sense."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from exporter.http.client import FetchError, http_get
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json

log = logging.getLogger(__name__)

# A message must not wait for its ornaments.
ANSWER_SECONDS: Final = 2.0
MAXIMUM_BYTES: Final = 16 << 20
ALERTING_RULES: Final = "/api/v1/rules?type=alert"

Query = Callable[[str], Any]
"""Asks a program for a path; returns the decoded answer."""
_Read = TypeVar("_Read")


def program(port: int) -> Query:
    """Ask what listens on a port of this machine."""

    def query(path: str) -> Any:  # noqa: ANN401
        return parse_json(http_get("127.0.0.1", port, path, ANSWER_SECONDS, MAXIMUM_BYTES), "its answer")

    return query


def ask(query: Query, path: str, read: Callable[[Any], _Read]) -> _Read | None:
    """What is read from the answer; None where there is none that makes sense, which is logged."""
    try:
        return read(query(path))
    except FetchError as error:
        log.debug("%s", error)
    except (ParseError, KeyError, TypeError, ValueError, IndexError, AttributeError):
        log.warning("the answer to %s makes no sense", path.partition("?")[0])
    return None
