"""A real pair in private namespaces: two nodes, each with its daemons, behind one VIP, and a client.

Tests and benches use :class:`Lab`; ``python -m tests.lab`` puts a command where a lab can be made.
"""

from .errors import (
    CommandError,
    IsolationError,
    LabError,
    LabTimeoutError,
    NoAnswerError,
    ServiceError,
)
from .lab import Lab
from .sample import Sample
from .sampling import Sampler
from .waiting import wait_for

__all__ = [
    "CommandError",
    "IsolationError",
    "Lab",
    "LabError",
    "LabTimeoutError",
    "NoAnswerError",
    "Sample",
    "Sampler",
    "ServiceError",
    "wait_for",
]
