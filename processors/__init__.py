"""What is decided, purely: no I/O, no clock, no chance, no logging, no framework.

`lead` decides one lead (`decide`, `advance`, `evolve`); `partition` decides one log; `sources` turn what senders say
into touchpoints. Equal input, equal output, ids included.
"""
