"""A hop's Faust app, without what a hop has no use for: a group member whose partitions are the lane's.

Faust's producer, web server, tables, leader topic and folders stay away.
"""

from datetime import timedelta
from typing import Any

import faust
from aiokafka.structs import TopicPartition
from faust.app.base import BootStrategy
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver

from streams.lane.consumer import LaneConsumer, faust_log
from streams.lane.lane import Lane


class LaneTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = LaneConsumer


class LaneBoot(BootStrategy):  # type: ignore[misc]
    """Boot no producer and no web server: shards have their own, and so has the worker."""

    enable_kafka_producer = False
    enable_web = False


class LaneTables(TableManager):  # type: ignore[misc]
    """No tables: so none to wait a second for at every start."""

    logger = faust_log
    mundane_level = "debug"

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class LaneApp(faust.App):  # type: ignore[misc]
    """One hop's Faust app: a group member whose partitions are the lane's."""

    BootStrategy = LaneBoot
    logger = faust_log
    mundane_level = "debug"

    def __init__(self, lane: Lane, *, bootstrap: str) -> None:
        self.lane = lane
        super().__init__(
            lane.hop.group,
            broker=f"kafka://{bootstrap.replace(',', ';kafka://')}",
            store="memory://",
            TableManager=LaneTables,
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            stream_wait_empty=False,
            broker_commit_interval=timedelta(days=1),
            broker_session_timeout=lane.hop.pace.session_timeout,
            broker_heartbeat_interval=lane.hop.pace.heartbeat,
        )
        self.transport = LaneTransport(self.conf.broker_consumer, self)
        for topic in lane.hop.topics:
            self.topics.add(self.topic(topic, key_type=bytes, value_type=bytes))
        self.on_partitions_assigned.connect(self._on_assigned)
        self.on_partitions_revoked.connect(self._on_revoked)

    async def on_first_start(self) -> None:
        """Make no folders: nothing is kept on this disk."""

    async def _on_assigned(self, _app: Any, assigned: set[Any], **_: Any) -> None:
        await self.lane.assigned([TopicPartition(*tp) for tp in assigned], self.consumer)

    async def _on_revoked(self, _app: Any, revoked: set[Any], **_: Any) -> None:
        await self.lane.revoked([TopicPartition(*tp) for tp in revoked])

    def _on_rebalance_when_stopped(self) -> None:
        """Do nothing where Faust closes the client, from the wrong loop, and then does not leave the group."""
