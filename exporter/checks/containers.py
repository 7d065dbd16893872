"""Does every expected container run, and is it healthy?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Evaluation
from exporter.model import pair
from exporter.model.observations import Check, Container, ContainersObservation, NodeStatus
from exporter.settings.values import Settings


def evaluate(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Evaluate every expected container."""
    seen = pair.find(status, ContainersObservation)
    for container in seen.containers if seen else ():
        yield _evaluate_one(Evaluation(status, "containers"), container)


def _evaluate_one(evaluation: Evaluation, container: Container) -> Check:
    name = container.name
    if container.state == "absent":
        return evaluation.warning(
            "container.running", f"{name} does not exist", "it runs", "docker compose up -d creates it", name
        )
    if not container.running:
        end = f", exit code {container.exit_code}" if container.exit_code is not None else ""
        end += ", killed for lack of memory" if container.oom_killed else ""
        return evaluation.warning(
            "container.running", f"{name} is {container.state}{end}", "it runs", f"docker logs {name} says why", name
        )
    if container.health == "unhealthy":
        return evaluation.warning(
            "container.running",
            f"{name} runs but is unhealthy",
            "it is healthy",
            f"docker inspect {name} has the last checks",
            name,
        )
    health = f" and is {container.health}" if container.health else ""
    restarts = f", restarted {container.restarts} times" if container.restarts else ""
    return evaluation.ok("container.running", f"{name} runs{health}{restarts}", "it runs", name)
