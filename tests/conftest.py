"""Fixtures shared by all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, up
from deploy.local.status import Status

# Nothing asserts how long something takes: the machine may be busy.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Status]:
    """Kafka and ClickHouse on free ports for the whole session: kafka_address, clickhouse_address, clickhouse_url."""
    stack = Stack(data=tmp_path_factory.mktemp("stack"), ports=Ports.any_free())
    yield up(stack)
    down(stack)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "local_stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.local)
