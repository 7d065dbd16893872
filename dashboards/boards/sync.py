"""Sync & backup: are the nodes alike, and could everything be restored?"""

from __future__ import annotations

from dashboards import style
from dashboards.frame import Board
from dashboards.panels import Column, Tile, stat, state_timeline, table, time_series
from dashboards.queries import OVERDUE, Query, changed, on_nodes, unless_nothing
from dashboards.rows import Row

_AGE = "time() - max by (node, task) (dnsha_sync_last_success_timestamp_seconds{})"


NEVER = -2


def _tasks(promql: str) -> Query:
    return Query(on_nodes(promql), instant=True, format="table")


def _last(title: str, description: str, tasks: str, never_color: str = style.WARNING) -> Tile:
    """How long ago tasks last succeeded on each node: the oldest of them, and one that never did is older still."""
    success = f'dnsha_sync_last_success_timestamp_seconds{{task=~"{tasks}"}}'
    watched = f'dnsha_sync_maximum_age_seconds{{task=~"{tasks}"}}'
    never = f"{NEVER} * (max by (node) ({watched} unless on (site, node, task) {success}) >= bool 0)"
    age = f"time() - min by (node) ({success})"
    return stat(
        title,
        description,
        Query(on_nodes(unless_nothing(f"{never} or {age}", "node", style.NOTHING)), "{{node}}"),
        unit="s",
        mappings=[*style.states({NEVER: style.State("NEVER", never_color)}), *style.nothing("NOT WATCHED")],
        thresholds=style.NEUTRAL,
        text="value_and_name",
        width=8,
    )


_NEVER = style.states({0: style.State("NEVER", style.WARNING)})

BOARD = Board(
    uid="dnsha-sync",
    title="DNS HA / Sync & backup",
    description="Are the nodes alike, and could everything be restored?",
    scope="nodes",
    time_range="now-7d",
    rows=[
        Row(
            "",
            [
                stat(
                    "Content",
                    "Whether what both nodes share is equal, by digest.",
                    Query(
                        on_nodes(
                            "max by (content) (dnsha_sync_drifted{})"
                            ' or -1 * max(up{job="dnsha"} == 1) unless on () dnsha_sync_drifted{}'
                        ),
                        "{{content}}",
                    ),
                    unit="bool",
                    mappings=style.states(
                        {
                            style.NOTHING: style.State("NOT WATCHED", style.UNKNOWN),
                            0: style.State("EQUAL", style.GOOD),
                            1: style.State("DIFFERENT", style.WARNING),
                        }
                    ),
                    text="value_and_name",
                    width=8,
                ),
                stat(
                    "Tasks overdue",
                    "Tasks whose last success is older than it may be, or that never succeeded.",
                    Query(
                        on_nodes(unless_nothing(f"sum by (node) ({OVERDUE} > bool 0)", "node", style.NOTHING)),
                        "{{node}}",
                    ),
                    unit="short",
                    mappings=style.nothing("NOT WATCHED"),
                    thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (1, style.WARNING)),
                    text="value_and_name",
                    width=8,
                ),
                stat(
                    "Tasks that failed last",
                    "Tasks whose last run ended with another exit status than 0.",
                    Query(
                        on_nodes(
                            unless_nothing("sum by (node) (dnsha_sync_exit_status{} > bool 0)", "node", style.NOTHING)
                        ),
                        "{{node}}",
                    ),
                    unit="short",
                    mappings=style.nothing("NOT WATCHED"),
                    thresholds=style.steps(style.UNKNOWN, (0, style.GOOD), (1, style.WARNING)),
                    text="value_and_name",
                    width=8,
                ),
                _last(
                    "Last sync",
                    "Time since block lists and resolver settings were last copied; the older of the two.",
                    "pihole|unbound",
                ),
                _last(
                    "Last backup",
                    "Time since the last backup that succeeded: it was written and could be opened again.",
                    "backup",
                ),
                _last(
                    "Last drill",
                    "Time since a drill last proved, by handing it the virtual IP, that the other node takes over.",
                    "drill",
                    style.UNKNOWN,  # the first one waits for somebody who wants it
                ),
            ],
        ),
        Row(
            "Tasks",
            [
                table(
                    "Tasks now",
                    "Each task's last run: when it began, when it last succeeded, how long it took, how it ended, "
                    "and how much "
                    "time is left until its success is too old (negative: overdue).",
                    # One that never ran has no time: 0, whose word is "never".
                    *(
                        _tasks(
                            f"1000 * max by (node, task) (dnsha_sync_last_{end}_timestamp_seconds{{}})"
                            " or 0 * max by (node, task) (dnsha_sync_maximum_age_seconds{})"
                        )
                        for end in ("attempt", "success")
                    ),
                    _tasks("max by (node, task) (dnsha_sync_duration_seconds{})"),
                    _tasks("max by (node, task) (dnsha_sync_exit_status{})"),
                    _tasks("max by (node, task) (dnsha_sync_maximum_age_seconds{})"),
                    _tasks("-1 * max by (node, task) (site_node_task:dnsha_sync_overdue:seconds{})"),
                    columns=[
                        Column("node", "Node"),
                        Column("task", "Task"),
                        Column("Value #A", "Last run", unit="dateTimeFromNow", mappings=_NEVER, painted=False),
                        Column("Value #B", "Last success", unit="dateTimeFromNow", mappings=_NEVER, painted=False),
                        Column("Value #C", "Took", unit="s"),
                        Column("Value #D", "Ended", unit="none", mappings=style.EXIT_STATUS),
                        Column("Value #E", "May be old", unit="s"),
                        Column("Value #F", "Time left", unit="s"),
                    ],
                    sort="Task",
                ),
                state_timeline(
                    "How runs ended",
                    "The exit status of each task's last run, over time.",
                    Query(on_nodes("max by (node, task) (dnsha_sync_exit_status{})"), "{{node}} · {{task}}"),
                    mappings=style.EXIT_STATUS,
                    height=9,
                ),
                time_series(
                    "Age of the last success",
                    "It grows until the next success, as a saw's teeth; a tooth that is too high is an alert.",
                    Query(on_nodes(_AGE), "{{node}} · {{task}}"),
                    node="node",
                    legend="table",
                    unit="s",
                ),
                time_series(
                    "How long runs took",
                    "Length of each task's last run.",
                    Query(on_nodes("max by (node, task) (dnsha_sync_duration_seconds{})"), "{{node}} · {{task}}"),
                    node="node",
                    legend="table",
                    unit="s",
                    steps=True,
                ),
            ],
        ),
        Row(
            "Content",
            [
                state_timeline(
                    "Differs from the other node",
                    "Whether the node's shared content differs from the other's. Short differences are a sync on its "
                    "way.",
                    Query(on_nodes("max by (node, content) (dnsha_sync_drifted{})"), "{{node}} · {{content}}"),
                    mappings=style.states(
                        {0: style.State("equal", style.GOOD), 1: style.State("DIFFERENT", style.WARNING)}
                    ),
                    unit="bool",
                ),
                time_series(
                    "When content changed",
                    "Steps in which each node's content changed, by digest. Both nodes' bars should come together.",
                    Query(
                        on_nodes(
                            f"count by (node, content) ({changed('dnsha_sync_content_digest{}')})"
                            " or 0 * max by (node, content) (dnsha_sync_content_digest{})"
                        ),
                        "{{node}} · {{content}}",
                    ),
                    node="node",
                    unit="short",
                    bars=True,
                    stacked=True,
                    width=24,
                ),
            ],
        ),
    ],
)
