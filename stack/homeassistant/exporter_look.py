"""Look at this node's exporter."""

from __future__ import annotations

import logging
from typing import Final

from exporter.http.client import http_get
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ExporterError
from exporter.parsers.status_document import STATUS_PATH
from stack.homeassistant import status
from stack.homeassistant.settings import HomeAssistantSettings
from stack.homeassistant.status import Look

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 1.5


class ExporterLook:
    """Asks the exporter, and says once that it does not answer, and once that it does again."""

    def __init__(self, settings: HomeAssistantSettings) -> None:
        self._settings = settings
        self._tls = speaks_tls(settings.web_config_file)
        self._problem = ""

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self._tls

    def look(self) -> Look | None:
        """Ask; None when there is no answer, or it makes no sense."""
        try:
            look = self._ask()
        except ExporterError as error:
            self._tls = speaks_tls(self._settings.web_config_file)
            self._say(f"this node's exporter: {error}")
            return None
        self._say("")
        return look

    def _ask(self) -> Look:
        host, port, role = self._settings.exporter_host, self._settings.exporter_port, self._settings.role
        look = status.parse(http_get(host, port, STATUS_PATH, ANSWER_SECONDS, tls=self._tls))
        if look.node.role != role:
            raise ExporterError(f"it calls this node {look.node.role}, and NODE_ROLE is {role}; start it anew")
        return look

    def _say(self, problem: str) -> None:
        if problem and not self._problem:
            log.warning("%s; until it answers, this node is unavailable in Home Assistant", problem)
        elif self._problem and not problem:
            log.info("this node's exporter answers again")
        self._problem = problem
