"""How setup can end other than well; each message says what to do.

::

    SetupError
    ├── SetupRefusedError   2: nothing was changed
    └── AnswersError   3: wrong answers or command line; nothing was changed
"""

from __future__ import annotations

from exporter.model.errors import ExporterError


class SetupError(ExporterError):
    """Something did not work; what was made stays, and setup can be run again."""

    exit_code = 1


class SetupRefusedError(SetupError):
    """It would have done harm; nothing was changed."""

    exit_code = 2


class AnswersError(SetupError):
    """Answers that cannot be used."""

    exit_code = 3
