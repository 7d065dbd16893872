"""Every name in every query exists: in the table of metrics, in the recording rules, or in the list below."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from dashboards.preview.replay import RULES
from exporter.model.metrics import METRICS
from tests.dashboards.documents import Target, targets
from tests.dashboards.promql import grouping_labels, made_labels, selectors
from tests.dashboards.scraper import NODE_FAMILIES

TARGET_LABELS = {"site", "node", "job", "instance"}
# What Prometheus itself and node_exporter give. node_hwmon_temp_celsius is a machine's other name for its temperature.
OTHERS = {"up", "ALERTS", "node_hwmon_temp_celsius"}
OTHER_LABELS = {
    "alertname", "alertstate", "severity", "component", "device", "mode", "fstype", "mountpoint", "zone", "type",
    "chip", "sensor", "cpu",
}  # fmt: skip
RECORDED_LABELS = {"vip", "task", "problem", "protocol", "from", "to", "when", "why"}


def _samples() -> Iterator[tuple[str, set[str]]]:
    for metric in METRICS.values():
        labels = set(metric.labels) | TARGET_LABELS
        if metric.kind == "histogram":
            yield f"{metric.name}_bucket", labels | {"le"}
            yield f"{metric.name}_sum", labels
            yield f"{metric.name}_count", labels
        else:
            yield metric.sample_name, labels


SAMPLES = dict(_samples())
RECORDED = {
    rule["record"]
    for file in RULES.glob("*.yaml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "record" in rule
}
NODE_SAMPLES = {name + suffix for name in NODE_FAMILIES for suffix in ("", "_total")}
TARGETS = list(targets())

each_query = pytest.mark.parametrize("target", TARGETS, ids=str)


@each_query
def test_every_metric_exists(target: Target) -> None:
    found = {name for name, _ in selectors(target.promql)}
    assert found, "no selector with braces: a query without its scope"
    assert found - SAMPLES.keys() - RECORDED - NODE_SAMPLES - OTHERS == set()


@each_query
def test_every_label_exists(target: Target) -> None:
    known = set(TARGET_LABELS) | made_labels(target.promql)
    for name, matched in selectors(target.promql):
        own = SAMPLES.get(name, TARGET_LABELS | OTHER_LABELS | RECORDED_LABELS)
        assert set(matched) <= own, name
        known |= own
    assert grouping_labels(target.promql) <= known


@each_query
def test_every_selector_is_scoped_to_the_chosen_sites(target: Target) -> None:
    for name, matched in selectors(target.promql):
        assert "site" in matched, name


@each_query
def test_a_counter_is_never_shown_by_its_bare_value(target: Target) -> None:
    """Apart from those few of which the number itself is meant."""
    bare = {
        "dnsha_container_restarts_total",
        "dnsha_vip_monitor_overruns_total",
        "dnsha_vrrp_priority_zero_sent_total",
        "dnsha_vrrp_priority_zero_received_total",
    }
    for name, _ in selectors(target.promql):
        if name.endswith("_total") and name not in bare:
            assert any(word in target.promql for word in ("rate(", "increase(", " offset ")), name


# A metric that no dashboard shows, and why.
NOT_SHOWN = {
    "dnsha_check_status": "the verdict and its reasons are shown; single checks are what exporter --once is for",
    "dnsha_vip_usable": "shown as an alert: DnsHaVipUnusable",
    "dnsha_vip_device_info": "settings do not change",
    "dnsha_vrrp_instance_info": "settings do not change",
    "dnsha_vrrp_advertisement_interval_seconds": "settings do not change",
    "dnsha_vrrp_last_transition_timestamp_seconds": "VRRP's changes are shown as events",
    "dnsha_keepalived_dump_timestamp_seconds": "an aid for judging the counters",
    "dnsha_health_report_timestamp_seconds": "a health check that does not report is shown as one that is not up",
    "dnsha_peer_info": "the other node tells of itself",
    "dnsha_conflict_foreign_owner": "shown as an alert: DnsHaSplitBrain",
    "dnsha_unbound_start_timestamp_seconds": "the containers' starts are shown",
    "dnsha_unbound_cache_hits": "shown as those that missed: what the stack itself asks is a hit",
    "dnsha_unbound_prefetches": "for those who set the cache's size",
    "dnsha_unbound_expired_answers": "for those who set the cache's size",
    "dnsha_unbound_cache_bytes": "for those who set the cache's size",
    "dnsha_unbound_secure_answers": "those that DNSSEC refused are shown",
    "dnsha_unbound_waiting_queries": "for those who look for a slow server",
    "dnsha_unbound_dropped_queries": "for those who look for a slow server",
    "dnsha_pihole_blocking_change_timestamp_seconds": "it keeps the alert DnsHaBlockingOff from telling a pause",
    "dnsha_pihole_queries_by_type": "Unbound's are shown",
    "dnsha_pihole_replies": "Pi-hole's own page shows them",
    "dnsha_pihole_queries_per_second": "Pi-hole's own page shows it",
    "dnsha_pihole_unique_domains": "Pi-hole's own page shows it",
    "dnsha_pihole_known_clients": "the active ones are shown",
    "dnsha_dhcp_serving": "opt-in; the checks dhcp.* tell of it",
    "dnsha_dhcp_leases": "opt-in; the checks dhcp.* tell of it",
    "dnsha_dhcp_copy_timestamp_seconds": "opt-in; the checks dhcp.* tell of it",
    "dnsha_dhcp_foreign_servers": "opt-in; the checks dhcp.* tell of it",
    "dnsha_conflict_dropped_frames": "nobody floods the lab; the JSON has it too",
}


def test_every_metric_is_shown_or_has_a_reason_not_to_be() -> None:
    shown = {name for target in TARGETS for name, _ in selectors(target.promql)}
    hidden = {
        metric.name
        for metric in METRICS.values()
        if not shown & {metric.sample_name, f"{metric.name}_bucket", f"{metric.name}_count"}
    }
    assert hidden == NOT_SHOWN.keys()
