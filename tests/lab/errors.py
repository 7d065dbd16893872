"""What can go wrong in the lab.

LabError
├── IsolationError   the kernel does not give this user the namespaces
├── ServiceError     a daemon did not start, died or did not stop
├── CommandError     a command inside a place failed
├── NoAnswerError    a DNS server gave no answer in time
└── LabTimeoutError  something awaited did not happen in time
"""


class LabError(Exception):
    """The lab could not do what it was asked; the message says what to look at."""


class IsolationError(LabError):
    """The private namespaces could not be made; the message says what to change."""


class ServiceError(LabError):
    """A daemon did not start, died by itself or did not stop in time."""


class CommandError(LabError):
    """A command that ran inside a node or the client failed."""


class NoAnswerError(LabError):
    """A DNS server gave no answer in time."""


class LabTimeoutError(LabError):
    """Something that was awaited did not happen before its deadline."""
