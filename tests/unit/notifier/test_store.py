"""The memory of what was told: kept, bounded, and never a reason to be silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.notifier import store as module
from alerts.notifier.changes import Changes, Told
from alerts.notifier.receivers import places
from alerts.notifier.store import FORGET_ENDED_SECONDS, FORGET_OPEN_SECONDS, Debt, Store
from tests.unit.notifier.posts import NOON, alert


def of_new(*numbers: int) -> Changes:
    return Changes(tuple(alert(number) for number in numbers), (), (), repeat=False)


def of_ended(*numbers: int) -> Changes:
    return Changes((), tuple(alert(number, ends=60) for number in numbers), (), repeat=False)


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


def test_it_is_found_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "told.json"
    store = Store(path, Clock())
    store.record("signal-1", of_new(1, 2))
    store.record("signal-1", of_ended(2))
    debts = (Debt(alert(3, ends=60), NOON, "key"), Debt(alert(4), NOON, "key", held=True, whole=True))
    store.owe("signal-1", debts)
    found = Store(path)
    assert found.owed("signal-1") == debts
    assert found.told("signal-1") == {f"{1:016x}": Told(NOON, NOON), f"{2:016x}": Told(NOON, NOON, ended_at=NOON)}
    assert found.told("ntfy-2") == {}
    assert found.known() == found.told("signal-1")
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_open_is_kept_with_its_texts_until_everybody_was_told_of_the_end(tmp_path: Path) -> None:
    path = tmp_path / "told.json"
    store = Store(path, Clock())
    store.record("signal-1", of_new(1, 2))
    store.record("ntfy-2", of_new(1))
    store.record("signal-1", of_ended(1))
    for found in (store, Store(path)):
        assert found.open_alerts() == {f"{1:016x}": alert(1), f"{2:016x}": alert(2)}
    store.record("ntfy-2", of_ended(1))
    assert Store(path).open_alerts() == {f"{2:016x}": alert(2)}


def test_a_file_of_before_there_were_texts_is_read(tmp_path: Path) -> None:
    path = tmp_path / "told.json"
    Store(path, Clock()).record("signal-1", of_new(1))
    document = json.loads(path.read_text())
    del document["alerts"], document["owed"]
    path.write_text(json.dumps(document))
    assert Store(path).known() == {f"{1:016x}": Told(NOON, NOON)}
    assert Store(path).open_alerts() == {}


def test_what_was_told_last_counts_because_the_others_are_owed_it(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path / "told.json", clock)
    store.record("signal-1", of_new(1))
    store.record("ntfy-2", of_new(1))
    clock.now += 60
    store.record("signal-1", of_ended(1))
    assert store.known() == {f"{1:016x}": Told(NOON, NOON + 60, ended_at=NOON + 60)}
    clock.now += 60
    store.record("ntfy-2", of_new(1))
    assert store.known()[f"{1:016x}"].is_open


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", '"noon"', "null"])
def test_a_time_that_is_none_is_no_reason_not_to_start(tmp_path: Path, number: str) -> None:
    path = tmp_path / "told.json"
    Store(path, Clock()).record("signal-1", of_new(1))
    path.write_text(path.read_text().replace(str(NOON), number))
    assert Store(path).open_alerts() == {}


@pytest.mark.parametrize("fields", [{"fingerprint": {}}, {"severity": []}, {"labels": {"site": 1}}, {"labels": 1}])
def test_an_alert_of_other_types_is_no_reason_not_to_start(tmp_path: Path, fields: dict[str, object]) -> None:
    path = tmp_path / "told.json"
    Store(path, Clock()).record("signal-1", of_new(1))
    document = json.loads(path.read_text())
    document["alerts"][0] |= fields
    path.write_text(json.dumps(document))
    assert Store(path).open_alerts() == {}


def test_a_receiver_may_take_anothers_place(tmp_path: Path) -> None:
    store = Store(tmp_path / "told.json", Clock())
    store.record("signal-1", of_new(1))
    store.record("ntfy-2", of_new(2))
    debts = (Debt(alert(1), NOON, "key"),)
    store.owe("signal-1", debts)
    store.adopt({"signal-9", "json-3"})
    assert (store.told("signal-9"), store.owed("signal-9")) == ({f"{1:016x}": Told(NOON, NOON)}, debts)
    assert (store.told("ntfy-2"), store.told("signal-1"), store.owed("signal-1")) == ({}, {}, ())


def test_a_corrected_url_takes_the_place_of_the_wrong_one_where_it_is_the_only_one() -> None:
    assert places({"signal-1", "ntfy-2"}, {"signal-9", "ntfy-2"}) == {"signal-1": "signal-9", "ntfy-2": "ntfy-2"}
    assert places({"signal-1"}, {"signal-8", "signal-9"}) == {}
    assert places({"signal-1", "signal-2"}, {"signal-9"}) == {}
    assert places({"signal-1"}, {"ntfy-9"}) == {}


def test_what_one_receiver_still_believes_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "told.json", Clock())
    store.record("signal-1", of_new(1))
    store.record("ntfy-2", of_ended(1))
    assert store.known() == {f"{1:016x}": Told(NOON, NOON)}
    store.adopt({"ntfy-2"})
    assert store.known() == {f"{1:016x}": Told(NOON, NOON, ended_at=NOON)}


def test_it_forgets_in_time(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path / "told.json", clock)
    store.record("a", of_new(1))
    store.record("a", of_ended(2))
    clock.now += FORGET_ENDED_SECONDS
    store.record("a", of_new(3))
    assert set(store.told("a")) == {f"{1:016x}", f"{3:016x}"}
    clock.now = NOON + FORGET_OPEN_SECONDS
    store.record("a", of_new(4))
    assert set(store.told("a")) == {f"{3:016x}", f"{4:016x}"}


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_ENTRIES", 3)
    clock = Clock()
    store = Store(tmp_path / "told.json", clock)
    for number in range(5):
        clock.now += 1
        store.record("a", of_new(number))
    assert set(store.told("a")) == {f"{number:016x}" for number in (2, 3, 4)}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"receivers": 1}',
        '{"receivers": {"a": {"b": {}}}}',
        '{"receivers": {"a": {"b": 1}}}',
        '{"receivers": {}, "owed": {"a": [{"since": 1, "key": "k", "alert": 1}]}}',
    ],
)
def test_a_file_that_makes_no_sense_is_begun_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "told.json"
    path.write_text(content)
    store = Store(path, Clock())
    assert store.known() == {}
    store.record("a", of_new(1))
    assert list(json.loads(path.read_text())["receivers"]) == ["a"]
