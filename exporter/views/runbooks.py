"""The runbooks as pages, and which of them helps with which check."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from exporter.views import layout
from exporter.views.markdown import to_html

# A check that several alerts may come from has the one that says most about it.
_OF_CHECK = {
    "conflict.advertisements": "DnsHaLanConflict",
    "conflict.this_host": "DnsHaLanConflict",
    "container.running": "DnsHaContainerDown",
    "dhcp.copy": "DnsHaCheckFailing",
    "dhcp.foreign": "DnsHaCheckFailing",
    "dhcp.server": "DnsHaCheckFailing",
    "exporter.running": "DnsHaMonitoringDown",
    "filter.running": "DnsHaHelperDown",
    "firewall.loaded": "DnsHaCheckFailing",
    "health.address": "DnsHaRedundancyLost",
    "health.chain": "DnsHaRedundancyLost",
    "health.running": "DnsHaHelperDown",
    "health.vip": "DnsHaVipNotAnswering",
    "keepalived.running": "DnsHaServiceDown",
    "node.drained": "DnsHaDrainedTooLong",
    "peer.clock": "DnsHaClockWrong",
    "peer.pair_key": "DnsHaPathFailing",
    "peer.reachable": "DnsHaPathFailing",
    "peer.settings": "DnsHaVrrpSettingsDiffer",
    "recorder.running": "DnsHaHelperDown",
    "resolve.answered_by": "DnsHaCheckFailing",
    "resolve.peer": "DnsHaPathFailing",
    "resolve.pihole": "DnsHaServiceDown",
    "resolve.resolvers": "DnsHaWorldNotResolving",
    "resolve.unbound": "DnsHaServiceDown",
    "resolve.vip": "DnsHaVipNotAnswering",
    "resolve.world": "DnsHaWorldNotResolving",
    "sync.disk": "DnsHaDiskFull",
    "sync.drift": "DnsHaSyncDrifted",
    "sync.task": "DnsHaTaskFailing",
    "vip.abandoned": "DnsHaKeepalivedDeadHoldingVip",
    "vip.device": "DnsHaCheckFailing",
    "vip.file": "DnsHaCheckFailing",
    "vip.foreign_owner": "DnsHaLanConflict",
    "vip.owner": "DnsHaNoOwner",
    "vip.split_brain": "DnsHaSplitBrain",
    "vip.usable": "DnsHaVipUnusable",
    "vrrp.agreement": "DnsHaCheckFailing",
    "vrrp.file": "DnsHaCheckFailing",
    "vrrp.filter": "DnsHaLanConflict",
    "vrrp.flapping": "DnsHaFlapping",
    "vrrp.priority": "DnsHaRedundancyLost",
    "vrrp.state": "DnsHaRedundancyLost",
    "wire.running": "DnsHaHelperDown",
}


def of_check(check: str) -> str:
    """Return the name of the runbook for a check, by its id; empty if there is none."""
    return "DnsHaCheckFailing" if check.endswith(".data") else _OF_CHECK.get(check, "")


def runbook(name: str, text: str) -> str:
    """Return the page of one alert."""
    return layout.document(name, f'{_navigation("../", "./")}<main class="text">\n{to_html(text)}</main>')


def index(names: Iterable[str], introduction: str) -> str:
    """Return the page that leads to all of them."""
    links = "".join(f'<li><a href="{escape(name)}">{escape(name)}</a></li>\n' for name in names)
    content = f"{to_html(introduction)}<ul>\n{links}</ul>\n" if links else "<p>No runbooks were installed here.</p>\n"
    return layout.document("Runbooks", f'{_navigation("../")}<main class="text">\n{content}</main>')


def _navigation(status: str, runbooks: str | None = None) -> str:
    others = f' <a href="{runbooks}">all runbooks</a>' if runbooks else ""
    return f'<nav><a href="{status}">status</a>{others}</nav>\n'
