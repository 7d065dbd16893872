"""The fixtures of the tests that run on a real pair."""

from tests.lab.fixtures import pair, pytest_runtest_makereport, settled_pair, shared_pair

__all__ = ["pair", "pytest_runtest_makereport", "settled_pair", "shared_pair"]
