"""ClickHouse as the settings name it, and its errors as those of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from sinks import errors as sinks
from sinks.clickhouse import ClickHouse, connect
from streams.errors import Misconfigured, Unavailable
from streams.settings import Settings


def clickhouse_of(settings: Settings) -> ClickHouse:
    """A connection that is opened by its first query. Raises the errors of `sinks.errors`."""
    return connect(
        host=settings.clickhouse_host,
        port=settings.clickhouse_port,
        user=settings.clickhouse_user,
        password=settings.clickhouse_password,
        database=settings.clickhouse_database,
    )


@contextmanager
def connected(settings: Settings) -> Iterator[ClickHouse]:
    """The same for a command, whose errors end it with a sentence. Raises Unavailable, Misconfigured."""
    try:
        with clickhouse_of(settings) as client:
            yield client
    except sinks.Unavailable as error:
        raise Unavailable(str(error)) from error
    except sinks.SinkError as error:
        raise Misconfigured(str(error)) from error
