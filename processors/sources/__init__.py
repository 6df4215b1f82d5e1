"""What senders say, turned into touchpoints: one small pure adapter per source.

An adapter takes a `signal.Signal` and its settings and gives back an `Outcome`: touchpoints, what it rejected, what it
ignored, by name; or `Unauthorised`; or `Answered`, where the sender asked whether the address is ours. It raises
nothing, whatever the sender sends. To add a source: one file here, one line in `streams.collecting.doors`, one test.
"""
