"""What dnsperf prints is read as it is meant: only an answer that says NOERROR is an answer."""

from __future__ import annotations

import pytest

from tests.lab.errors import LabError
from tests.stack_bench.load import parse

# dnsperf 2.10.0 -s 127.0.0.1 -Q 100, stopped by SIGINT; a dnsmasq that knows one of two names, and refuses the other.
PRINTED = """\
[Status] Testing complete (interruption)

Statistics:

  Queries sent:         298
  Queries completed:    298 (100.00%)
  Queries lost:         0 (0.00%)

  Response codes:       NOERROR 149 (50.00%), REFUSED 149 (50.00%)
  Average packet size:  request 29, response 37
  Run time (s):         2.970277
  Queries per second:   100.327343
"""


def test_a_refused_question_is_lost() -> None:
    served = parse(PRINTED)
    assert (served.sent, served.good, served.lost) == (298, 149, 149)
    assert served.rate == pytest.approx(100.327, abs=0.001)


def test_a_question_that_was_due_at_the_end_is_not_lost() -> None:
    text = PRINTED.replace("Queries lost:         0", "Queries interrupted:  9 (3.02%)\n  Queries lost:         0")
    assert (parse(text).sent, parse(text).lost) == (289, 140)


def test_no_answer_at_all_is_all_lost() -> None:
    text = "\n".join(line for line in PRINTED.splitlines() if "Response codes" not in line)
    assert parse(text).lost == 298


def test_what_is_no_statistics_is_an_error() -> None:
    with pytest.raises(LabError, match="unable to open"):
        parse("[Error] unable to open data file")
