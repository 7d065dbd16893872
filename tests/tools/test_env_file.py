"""``.env`` is read as Compose reads it, and whatever is in it, a mistake is a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ConfigurationError
from stack.preflight.env_file import parse_env, read_env_file

RECORDED = [
    case
    for file in sorted(Path(__file__).parents[1].glob("fixtures/compose/*/env_file.json"))
    for case in json.loads(file.read_text())
]


@pytest.mark.parametrize("value", ["${A:-b}" * 2000, "${A:-" * 2000 + "}" * 2000])
def test_a_value_of_thousands_of_variables_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\.env, line 2: too many variables"):
        parse_env(f"A=\nB={value}\n", ".env")


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: repr(case["text"]))
def test_an_env_file_is_read_as_compose_reads_it(case: dict[str, str | None], tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(case["text"] or "", newline="")
    if case["value"] is None:
        with pytest.raises(ConfigurationError, match=f"{file}, line "):
            read_env_file(file)
    else:
        assert read_env_file(file).values.get("A", "(unset)") == case["value"]


def test_a_line_that_compose_refuses_is_named_with_its_number() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_env("A=1\n\n# c\nB='x\ny'\nA B=2\n", "/x/.env")
    assert caught.value.problems == ["/x/.env, line 6: write NAME=VALUE"]


@given(st.text(max_size=200))
def test_nothing_but_a_configuration_error_comes_of_a_strange_env_file(text: str) -> None:
    try:
        parse_env(text, "x")
    except ConfigurationError:
        return
