"""What ClickHouse records: tables, views and the way into them.

`migrations/*.sql` are the tables and the views that the analyst reads, `migrate` brings a database to them. `rows` turns
decoded records into columns, `insert` writes them and finds the row that ClickHouse refuses, `clickhouse` is the
connection, `errors` what can go wrong. Nothing here knows Kafka.
"""
