"""The exposition: committed text, checked by Prometheus' own tools, complete by the table of metrics."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import prometheus_client.openmetrics.parser
import prometheus_client.parser
import pytest
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric as LibraryFamily

from exporter.model import metrics
from exporter.model.observations import (
    Check,
    Conflict,
    HealthVerdict,
    Latency,
    NodeStatus,
    Status,
    TopEntry,
    VrrpCounters,
    VrrpState,
)
from exporter.views import exposition
from tests.unit import samples
from tests.unit.samples import (
    NOW,
    VIP,
    VIP_6,
    absent_vip,
    check,
    container,
    instance,
    probe,
    process,
    question,
    task,
    vip,
)

GOLDEN = Path(__file__).parent / "golden"
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
CHECKS = (
    check(),
    check(id="vip.owner", subject=VIP, status=Status.CRITICAL),
    check(id="vip.owner", subject=VIP_6, status=Status.UNKNOWN),
    check(id="container.running", subject="pihole", status=Status.WARNING),
    check(id="container.running", node="beta", status=Status.CRITICAL),
)


def everything() -> NodeStatus:
    """A node with something for every metric, other numbers wherever two could be mixed up."""
    failing = probe(
        "peer",
        server="2001:db8::12",
        family="ipv6",
        protocol="tcp",
        queries=50,
        failures={"timeout": 3, "rcode": 2},
        responses={"NOERROR": 45, "SERVFAIL": 2},
        answers={"beta": 44, "other": 1},
        latency=Latency((0.001, 0.01, 0.1), (0, 40, 3, 2), 1.25),
        last_ok=False,
        last_success=NOW - 30,
        outages=4,
        outage_seconds=12.5,
        last_outage=2.25,
        outage_start=NOW - 20,
    )
    counters = VrrpCounters(120, 72_000, 1, 2, {"ttl": 4, "authentication_failure": 0})
    return samples.status(
        samples.vips(vip(), absent_vip(VIP_6, acquisitions=7, releases=8, last_transition=NOW - 100), overruns=5),
        samples.vrrp(
            instance(counters=counters),
            instance(
                name='VI "6"\\\n',
                state=VrrpState.FAULT,
                transitions={VrrpState.FAULT: 9},
                last_transition=None,
                effective_priority=None,
                interface=None,
                counters=None,
                advertisement_interval=None,
            ),
            instance(name="VI_3", state=None, transitions={}, effective_priority=None, interface=None, counters=None),
            drained=True,
        ),
        samples.health(
            question(),
            question("address", verdict=HealthVerdict.HARD, problem="eth0 does not have 192.0.2.11"),
            question("world", verdict=HealthVerdict.UNPROVED),
            processes=(process(starts=13), process("recorder", running=False, starts=14)),
        ),
        samples.adverts(),
        samples.firewall(),
        samples.resolve(probe(), failing),
        samples.containers(
            container(restarts=6, events={"start": 7, "die": 6, "kill": 2}),
            container("unbound", state="exited", health=None, oom_killed=True, exit_code=137, started_at=NOW - 50),
            container("ftl", state="absent", health=None, restarts=None, oom_killed=None, started_at=None, events={}),
        ),
        samples.sync(
            task(exit_status=3), task("backup", last_success=None, duration=None), digest="0123456789ab" * 5 + "cdef"
        ),
        samples.peer(query_duration=0.0042),
        samples.conflicts(
            Conflict(VIP, "02:00:00:00:00:99", 11),
            advertisements={"wrong_vrid": 12, "forged": 0, "interval": 0},
            dropped_frames=13,
        ),
        samples.dhcp(leases=43, foreign=("192.0.2.1", "192.0.2.2")),
        samples.unbound(),
        samples.pihole(
            blocking_change=NOW + 300,
            top=(TopEntry("domain", "www.example.org", 77), TopEntry("client", "192.0.2.20", 78)),
        ),
        failed={"containers-of-another": "only its name and duration are told"},
    )


@pytest.fixture(autouse=True)
def python_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.views.exposition.platform.python_version", lambda: "3.11.2")


def encoded(accept: str, names: list[str] | None = None, status: NodeStatus | None = None) -> tuple[str, str]:
    found = exposition.families(status or everything(), CHECKS, Status.CRITICAL)
    body, content_type = exposition.encode(found, accept, names or [])
    return body.decode(), content_type


def parsed(text: str) -> dict[str, LibraryFamily]:
    return {family.name: family for family in prometheus_client.parser.text_string_to_metric_families(text)}


@pytest.mark.parametrize(("accept", "golden"), [("text/plain", "everything.prom"), (OPEN_METRICS, "everything.om")])
def test_the_exposition_is_the_committed_text(accept: str, golden: str) -> None:
    assert encoded(accept)[0] == (GOLDEN / golden).read_text()


@pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("CI"),
    reason="needs promtool: install Debian's package prometheus",
)
def test_promtool_has_nothing_to_say_against_it() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=encoded("text/plain")[0], text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_metric_of_the_table_is_in_it_and_no_other() -> None:
    assert list(parsed(encoded("text/plain")[0])) == [metric.name for metric in metrics.METRICS.values()]


def test_a_parser_for_openmetrics_takes_it_and_reads_the_same_from_both_formats() -> None:
    parse: Any = prometheus_client.openmetrics.parser.text_string_to_metric_families
    open_metrics = parse(encoded(OPEN_METRICS)[0])
    plain = parsed(encoded("text/plain")[0])
    for family in open_metrics:
        other = plain[family.name]
        assert (family.type, family.documentation) == (other.type, other.documentation)
        assert family.samples == other.samples


@pytest.mark.parametrize("metric", metrics.METRICS.values(), ids=lambda metric: metric.name)
def test_every_sample_has_the_kind_help_and_labels_of_the_table(metric: metrics.Metric) -> None:
    family = parsed(encoded("text/plain")[0])[metric.name]
    assert (family.type, family.documentation) == (metric.kind, metric.help)
    for sample in family.samples:
        assert tuple(label for label in sample.labels if label != "le") == metric.labels
        assert sample.name.startswith(metric.sample_name)


def test_the_worst_check_of_a_name_counts_and_critical_is_worse_than_unknown() -> None:
    family = parsed(encoded("text/plain")[0])["dnsha_check_status"]
    assert {sample.labels["check"]: sample.value for sample in family.samples} == {
        "vrrp.state": 0,
        "vip.owner": 2,
        "container.running": 1,  # beta's container is beta's matter
    }


def test_what_is_unknown_is_left_out_and_never_zero() -> None:
    status = samples.status(
        samples.vips(absent_vip(last_transition=None)), samples.silent_peer(), failed={"vrrp": "no directory"}
    )
    names = set(parsed(encoded("text/plain", status=status)[0]))
    assert names == {
        "dnsha_build_info",
        "dnsha_node_info",
        "dnsha_scrape_collector_success",
        "dnsha_scrape_collector_duration_seconds",
        "dnsha_status",
        "dnsha_check_status",
        "dnsha_vip_owned",
        "dnsha_vip_acquisitions",
        "dnsha_vip_releases",
        "dnsha_vip_monitor_overruns",
        "dnsha_peer_up",
        "dnsha_peer_query_duration_seconds",
    }


def samples_of(name: str, status: NodeStatus) -> dict[str, float]:
    """The samples of a family by the value of their one label."""
    family = parsed(encoded("text/plain", status=status)[0])[name]
    return {next(iter(sample.labels.values())): sample.value for sample in family.samples}


def test_a_check_that_runs_and_does_not_report_is_not_up() -> None:
    assert samples_of("dnsha_helper_up", samples.status(samples.health())) == {"check": 1, "recorder": 1}
    silent = samples.status(samples.health(report_time=NOW - 60, questions=()))
    assert samples_of("dnsha_helper_up", silent) == {"check": 0, "recorder": 1}
    assert "dnsha_health_ok" not in parsed(encoded("text/plain", status=silent)[0])


def test_a_state_that_nobody_records_has_no_sample_and_counters_stay() -> None:
    families = parsed(encoded("text/plain", status=samples.status(samples.vrrp(instance(state=None))))[0])
    assert "dnsha_vrrp_state" not in families
    transitions = {s.labels["state"]: s.value for s in families["dnsha_vrrp_transitions"].samples}
    assert (transitions["master"], transitions["backup"]) == (3, 2)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version="),
        ("*/*", "text/plain; version="),
        ("text/plain;version=0.0.4;q=0.5", "text/plain; version=0.0.4"),
        (OPEN_METRICS, "application/openmetrics-text; version=1.0.0"),
        (
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
            ),
            "application/openmetrics-text; version=1.0.0",
        ),
        ("\x00nonsense;;q=,", "text/plain; version="),
    ],
)
def test_the_format_is_the_one_that_was_asked_for(accept: str, content_type: str) -> None:
    text, its_type = encoded(accept)
    assert its_type.startswith(content_type)
    assert text.endswith("# EOF\n") == its_type.startswith("application/openmetrics-text")


def test_only_the_samples_that_were_named_are_written() -> None:
    """Prometheus' ``name[]``, by a family's name or by a sample's."""
    text = encoded("text/plain", ["dnsha_vip_owned", "dnsha_vip_releases_total", "dnsha_resolve_duration_seconds_sum"])[
        0
    ]
    assert [line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")] == [
        "dnsha_vip_owned",
        "dnsha_vip_owned",
        "dnsha_vip_releases_total",
        "dnsha_vip_releases_total",
        "dnsha_resolve_duration_seconds_sum",
        "dnsha_resolve_duration_seconds_sum",
    ]
    assert encoded("text/plain", ["dnsha_nothing"])[0].strip() == ""
    assert encoded(OPEN_METRICS, ["dnsha_nothing"])[0] == "# EOF\n"


def test_restricting_one_answer_does_not_change_the_families_of_another() -> None:
    found = exposition.families(everything(), CHECKS, Status.OK)
    before = exposition.encode(found, "text/plain")[0]
    exposition.encode(found, "text/plain", ["dnsha_resolve_duration_seconds_sum"])
    assert exposition.encode(found, "text/plain")[0] == before


@pytest.mark.parametrize("accept", ["text/plain", OPEN_METRICS])
def test_the_library_s_own_families_are_written_as_the_library_writes_them(accept: str) -> None:
    found: list[LibraryFamily] = list(ProcessCollector(registry=None).collect())
    assert found
    encoder, _ = prometheus_client.exposition.choose_encoder(accept)
    text = encoder(Registry(found)).decode()
    ours = exposition.encode(exposition.from_library(found), accept)[0].decode()
    assert without_numbers(ours) == without_numbers(text)
    assert numbers(ours) == numbers(text)


class Registry:
    def __init__(self, found: list[LibraryFamily]) -> None:
        self._found = found

    def collect(self) -> list[LibraryFamily]:
        return self._found


def without_numbers(text: str) -> list[str]:
    return [line if line.startswith("#") else line.rpartition(" ")[0] for line in text.splitlines()]


def numbers(text: str) -> list[float]:
    return [float(line.rpartition(" ")[2]) for line in text.splitlines() if not line.startswith("#")]


def test_a_check_of_the_peer_s_is_not_told_as_one_of_this_node() -> None:
    theirs: list[Check] = [check(node="beta", id="keepalived.running", status=Status.WARNING)]
    found = exposition.families(samples.healthy(), theirs, Status.WARNING)
    assert "dnsha_check_status" not in {family.name for family in found}
