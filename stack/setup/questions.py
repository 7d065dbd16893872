"""Questions with a proposed answer, put to a person at a terminal or to a file of answers."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from stack.setup.errors import AnswersError

Values = Mapping[str, str]
_WIDEST = 100  # what is read with ease
YES, NO = ("yes", "y"), ("no", "n")


def _no_doubt(_: Values) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """One question; its answer gives one variable of ``.env``, or several."""

    variables: tuple[str, ...]
    text: str
    prompt: str
    proposal: str | None  # None: there is none; empty: nothing is an answer
    read: Callable[[str], Values]  # raises ValueError with the reason
    # What speaks against an answer that may be right all the same; a person says it twice, and it counts.
    doubt: Callable[[Values], str | None] = field(default=_no_doubt)


class Asker(Protocol):
    """Whoever answers."""

    def ask(self, question: Question) -> Values:
        """Ask until there is a good answer."""

    def choose(self, variable: str, text: str, prompt: str, proposal: str) -> str:
        """Ask for a word that may be anything."""

    def agree(self, variable: str, text: str, *, proposal: bool) -> bool:
        """Ask for consent."""


class Terminal:
    """A person who reads and types."""

    def __init__(self, screen: TextIO, keyboard: TextIO) -> None:
        """Ask on a screen, listen to a keyboard."""
        self._screen, self._keyboard = screen, keyboard
        self._number = 0

    def ask(self, question: Question) -> Values:
        """Ask until there is a good answer.

        Raises:
            AnswersError: the input has ended.
        """
        self._number += 1
        self._say(f"\n{self._number}. {question.text}")
        doubted = None
        while True:
            answer = self._line(question.prompt, question.proposal or "")
            try:
                if not answer and question.proposal is None:
                    msg = "an answer is needed here"
                    raise ValueError(msg)  # noqa: TRY301
                values = question.read(answer)
            except ValueError as error:
                self._say(f"   {error}")
                continue
            doubt = question.doubt(values) if values != doubted else None
            if doubt is None:
                return values
            doubted = values
            self._say(f"   {doubt}. Type it again if you mean it.")

    def choose(self, variable: str, text: str, prompt: str, proposal: str) -> str:  # noqa: ARG002
        """Ask for a word that may be anything."""
        self._say(f"\n{text}")
        return self._line(prompt, proposal)

    def agree(self, variable: str, text: str, *, proposal: bool) -> bool:  # noqa: ARG002
        """Ask for consent."""
        self._say(f"\n{text}")
        while True:
            word = self._line("yes or no", "yes" if proposal else "no").lower()
            if word in (*YES, *NO):
                return word in YES

    def _line(self, prompt: str, proposal: str) -> str:
        self._screen.write(f"   {prompt}{f' [{proposal}]' if proposal else ''}: ")
        self._screen.flush()
        line = self._keyboard.readline()
        if not line:
            raise AnswersError("the input ended before the last answer")  # noqa: EM101
        return line.strip() or proposal

    def _say(self, text: str) -> None:
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        for line in text.split("\n"):
            self._screen.write(textwrap.fill(line, width, subsequent_indent="   ") + "\n")


class Answers:
    """A file of answers; what it does not say is as proposed."""

    def __init__(self, values: Values, screen: TextIO) -> None:
        """Answer from a file; what is decided is written to a screen."""
        self._values, self._screen = values, screen

    def ask(self, question: Question) -> Values:
        """Take the answer from the file, else the proposal.

        Raises:
            AnswersError: neither is any good.
        """
        name = " and ".join(question.variables)
        given = [self._values[variable] for variable in question.variables if variable in self._values]
        if given and len(given) < len(question.variables):
            raise AnswersError(f"the answers must give {name} together, or neither")
        answer = " ".join(given) if given else question.proposal
        if answer is None:
            raise AnswersError(f"the answers must give {name}: there is nothing to propose")
        try:
            values = question.read(answer)
        except ValueError as error:
            raise AnswersError(f"{name}: {error}") from None
        doubt = question.doubt(values)
        if doubt:
            self._screen.write(f"{name}: {doubt}\n")
        return values

    def choose(self, variable: str, text: str, prompt: str, proposal: str) -> str:  # noqa: ARG002
        """The file's word, else the proposal."""
        return self._values.get(variable, proposal)

    def agree(self, variable: str, text: str, *, proposal: bool) -> bool:  # noqa: ARG002
        """Only what the file agrees to.

        Raises:
            AnswersError: it says something else than yes or no.
        """
        word = self._values.get(variable, "no").lower()
        if word not in (*YES, *NO):
            raise AnswersError(f"{variable} must be yes or no")
        return word in YES
