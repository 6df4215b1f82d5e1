"""The batch lane: each owned partition's fetched records go to its shard as one list.

Faust gives the app, the group membership and the assignment; its per-message path (two tasks, a queue, a stream step and
an ack for every record) stays unused. `hop` is the contract a hop is written against; `partition` is the life of one
owned partition; `lane` is a hop's owned partitions; `consumer` and `membership` are the only modules here, or anywhere in
leadstream, that touch Faust's internals. `streams.app` runs any set of hops in one process.
"""
