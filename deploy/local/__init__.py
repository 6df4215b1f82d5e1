"""Local servers: real Kafka and the real ClickHouse engine, on loopback, persistent in one folder.

Reading order: `stack` (up, down, status), `kafka` and `clickhouse` (what each server needs), `daemon` (processes),
`jars` (where Kafka comes from), `front` (ClickHouse's two doors).
"""
