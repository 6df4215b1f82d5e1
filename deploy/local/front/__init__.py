"""ClickHouse as a server: the chdb engine behind a native-TCP door and an HTTP door of our own.

Reading order: `engine` (what is served), `statement` (what an SQL text asks for), `wire` and `block` (bytes of the
native protocol), `native_door`, `http_door`, `__main__` (the process).
"""
