"""What the exporters counted of the virtual IP's moves."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from exporter.model.metrics import VIP_ACQUISITIONS, VIP_RELEASES, VRRP_TRANSITIONS, Metric
from tests.lab.exporters import fetch
from tests.lab.plan import NODES
from tests.lab.waiting import wait_for
from tests.stack.rig import Rig


@dataclass(frozen=True, slots=True)
class Counters:
    """One node's counts since its exporter's first start: by the kernel's word, and by keepalived's."""

    acquisitions: int
    releases: int
    masterships: int

    def since(self, before: Counters) -> Counters:
        """What was counted in between."""
        return Counters(
            self.acquisitions - before.acquisitions,
            self.releases - before.releases,
            self.masterships - before.masterships,
        )


def read(rig: Rig, node: str) -> Counters:
    """Read one node's counters.

    Raises:
        OSError: its exporter does not answer.
    """
    try:
        families = list(text_string_to_metric_families(fetch(rig, node, "/metrics").body))
    except http.client.HTTPException as error:
        message = f"the exporter of {node} does not answer: {error}"
        raise OSError(message) from error

    def total(metric: Metric, labels: Mapping[str, str]) -> int:
        return round(
            sum(
                sample.value
                for family in families
                for sample in family.samples
                if sample.name == metric.sample_name and labels.items() <= sample.labels.items()
            )
        )

    if not any(family.name == VIP_ACQUISITIONS.name for family in families):
        message = f"the exporter of {node} has not asked the kernel yet"  # which is no count of zero
        raise OSError(message)
    return Counters(total(VIP_ACQUISITIONS, {}), total(VIP_RELEASES, {}), total(VRRP_TRANSITIONS, {"state": "master"}))


def read_both(rig: Rig, timeout: float = 60.0) -> dict[str, Counters]:
    """Read both nodes' counters, waiting for exporters that start.

    Raises:
        LabTimeoutError: one does not answer within ``timeout`` seconds.
    """
    return wait_for(
        "both exporters to tell their counters",
        lambda: {place.name: read(rig, place.name) for place in NODES},
        timeout=timeout,
        every=0.1,
    )
