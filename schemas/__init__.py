"""What can be said: the values that travel between hops, and how they are written down.

Avro in single-object encoding is the contract with readers outside (touchpoints, facts, transitions, profiles,
dead letters: `schemas.avro`); msgpack with a version byte serves the two private topics (`schemas.inbox`,
`schemas.state`). Instants are integers: milliseconds since 1970-01-01 UTC, named `..._at`.
"""
