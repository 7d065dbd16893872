"""Every threshold of the alert rules: the one home of these numbers; dashboards import them too.

Durations are texts as Prometheus writes them. A template uses a name as ``@{NAME}``.
"""

from __future__ import annotations

from typing import Final

# Where a phone finds docs/runbooks/<alert>.md. Set it to the place that serves this repository.
RUNBOOKS: Final = "https://dns-ha-exporter.example/docs/runbooks"

# Pace. A change is seen one scrape after it happened and judged one evaluation later; what must be told
# within 20 seconds is judged more often than the 5 seconds of everything else.
SCRAPE_INTERVAL: Final = "5s"
TWO_SCRAPES: Final = "10s"
THREE_SCRAPES: Final = "15s"
FAST_EVALUATION: Final = "2s"
SLOW_EVALUATION: Final = "15s"  # of what need not be told within a minute
# Longer than a scrape interval: one scrape that fell into a failover of under a second is not enough.
LASTING: Final = "5s"
# An alert stays for that long after its reason has gone, so that one good scrape is not a recovery. And a cause
# stays longer than all that follows from it, which would be told as news otherwise when the cause no longer hides it:
# each step up is more than a scrape and an evaluation of the groups below (5 s and 5 s, or 15 s where nothing is kept).
# With them and what Alertmanager waits, the end of an outage is told within a minute.
KEEP_FIRING: Final = "18s"
KEEP_FIRING_DAEMON: Final = "30s"  # explains others; keepalived and Unbound by THREE_SCRAPES and KEEP_FIRING
KEEP_FIRING_PAIR: Final = "44s"  # explains all of the above: the virtual IP, a node
KEEP_FIRING_SITE: Final = "1m"  # and this one both nodes
# An exporter that is being replaced has said whether its node is drained at most so long ago.
DRAIN_MEMORY: Final = "15m"
# A value survives scrapes that were missed.
SCRAPE_GAP: Final = "1m"

# The virtual IP
VIP_SILENT: Final = "10s"
VIP_UNUSABLE: Final = "10s"
FLAPPING_MOVES: Final = 5
FLAPPING_WINDOW: Final = "5m"
# A move is news for so long, and its alert lasts until Alertmanager has waited for what explains it. Less together than
# KEEP_FIRING_PAIR: the move that ends an outage is no news after it.
MOVE_WINDOW: Final = "15s"
MOVE_TOLD: Final = "22s"
# An outage that was over before any alert could tell it is told afterwards, from this length on.
OUTAGE_WORTH_SECONDS: Final = 3

# Failovers, as the dashboard lists them. One is seen by the new owner's next scrape and the evaluation after it, and
# its outage by the scrapes until this.
FAILOVER_SEEN_SECONDS: Final = 20
FAILOVER_TOGETHER_SECONDS: Final = 3  # keepalived moves all addresses of an instance at once
FAILOVER_FIRST_SECONDS: Final = 0.0001  # less than the milliseconds by which failovers are told apart
FAILOVER_OWNED: Final = "40s"
FAILOVER_PEER: Final = "1h"
FAILOVER_REASON: Final = "15s"
FAILOVER_EVIDENCE_SECONDS: Final = 10

# VRRP
NOT_READY: Final = "30s"
REFUSED_ADVERTISEMENTS: Final = 10  # in REFUSED_WINDOW; a contradiction sends one a second or more
REFUSED_WINDOW: Final = "5m"
SETTINGS_DIFFER: Final = "10m"  # one node after the other gets new settings
CHECK_FAILING: Final = "1m"
DRAINED_TOO_LONG: Final = "1h"
# What runs beside keepalived is started again within a second.
HELPER_DOWN: Final = "1m"
HELPER_STARTS: Final = 5  # in HELPER_WINDOW
HELPER_WINDOW: Final = "15m"

# Resolving
# Two scrapes and four, and LASTING more: new block lists make Pi-hole pause.
UNBOUND_SILENT: Final = "8s"
PIHOLE_SILENT: Final = "18s"
WORLD_FAILING: Final = "20s"  # two nodes find out within 13 s of each other, and are scraped
PATH_FAILING: Final = "2m"
SLOW_ANSWER_SECONDS: Final = 0.25  # as the exporter's slow_answer
SLOW_FOR: Final = "5m"
# The promise: this share of queries through the virtual IP may fail over 30 days (43 minutes).
ERROR_BUDGET: Final = 0.001
# Times the sustainable rate; windows and factors are those of the Google SRE Workbook, chapter 5.
BURN_FAST: Final = 14.4  # 1 h and 5 min: 2 % of the budget
BURN_MEDIUM: Final = 6  # 6 h and 30 min: 5 % of the budget
BURN_SLOW: Final = 1  # 3 d and 6 h: 10 % of the budget
# For so long a failure that was told counts as told: the 5 minutes of a ratio, and two evaluations.
OUTAGE_MEMORY: Final = "7m"

# Containers
CONTAINER_DOWN: Final = "30s"
CONTAINER_ENDS: Final = 3  # in CONTAINER_WINDOW
CONTAINER_WINDOW: Final = "15m"

# Sync, backup, drill (dnsha_sync_maximum_age_seconds says how old a success may be)
TASK_OVERDUE: Final = "5m"
TASK_NEVER: Final = "26h"  # a new node's nightly backup comes first
# Pi-hole. A pause with an end is meant; one without is forgotten.
BLOCKING_OFF: Final = "1h"
LISTS_OLD_SECONDS: Final = 14 * 86400  # Pi-hole loads its lists once a week
LISTS_OLD_FOR: Final = "1h"
DRIFTED: Final = "2h"  # longer than the default time between two syncs

# Nodes, exporters, monitoring
# As long as a Raspberry Pi takes to boot, with a file system to check, and to start its containers.
NODE_BOOTS: Final = "3m"
NODE_SETTLES: Final = "2m"  # after it answers again, until all of it does
SITE_SILENT: Final = "30s"
NOT_WATCHED: Final = "5m"
VERSIONS_DIFFER: Final = "6h"
MONITORING_DOWN: Final = "1m"
MONITORING_SILENT: Final = "4m"  # and MONITORING_DOWN: what the other node has too
MONITORING_FAILING: Final = "5m"
CLUSTER_DIFFERS: Final = "2m"  # an Alertmanager that was away joins again within ten seconds

# Hardware. What wobbles around a value begins at one and ends at another.
DISK_FREE: Final = 0.10
DISK_FREE_AGAIN: Final = 0.15
DISK_FOR: Final = "5m"
DISK_FULL_IN_HOURS: Final = 24
DISK_FILLING_BELOW: Final = 0.40  # more free than that is no worry, whatever the trend
DISK_FILLING_FOR: Final = "1h"
READ_ONLY_FOR: Final = "1m"
TEMPERATURE_CELSIUS: Final = 80  # a Raspberry Pi slows down from here on
TEMPERATURE_COOL_CELSIUS: Final = 75
TEMPERATURE_IMPOSSIBLE_CELSIUS: Final = 120  # unconnected sensors say so
TEMPERATURE_FOR: Final = "5m"
UNDER_VOLTAGE_MEMORY: Final = "10m"
CLOCK_UNSYNCHRONISED_FOR: Final = "10m"  # and CLOCK_DIFFERENCE_FOR
CLOCK_DIFFERENCE_SECONDS: Final = 5  # as the exporter's clock_tolerance
CLOCK_DIFFERENCE_FOR: Final = "5m"
MEMORY_FREE: Final = 0.10
MEMORY_FREE_AGAIN: Final = 0.15
MEMORY_FOR: Final = "10m"
