"""A request for a pause of blocking, as the exporter takes it and the sync's loop reads it."""

from __future__ import annotations

from typing import Final

from exporter.settings import parse

PATH: Final = "/api/v1/pause"
# In the exporter's state directory: JSON with ``asked`` (Unix seconds) and ``seconds``, 0 for the end of a pause.
FILE: Final = "pause.request"
# What its token, made of the pair key, is for.
PURPOSE: Final = "pause"
PERIOD: Final = parse.period(10, 86400)
END: Final = "end"
