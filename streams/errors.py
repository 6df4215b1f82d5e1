"""What can go wrong while carrying, named by what the caller does next.

    StreamsError             1
    ├── Unavailable         69   a server does not answer: hand over the same records again, later
    ├── Refused             65   this record is wrong and stays wrong: dead-letter it, go on
    ├── Misconfigured       78   stop, and tell the operator what to change
    │   └── OffsetsLost     78   the log no longer holds what this group reads next: an operator decides
    └── Fenced              75   end this process; whoever owns the partition now goes on from the last commit

The numbers are the exit codes of a process that ends so (those of sysexits.h); any other exception is a bug and ends it
with 1. Messages name topic, partition and offset, and never hold a record's content.
"""

from typing import ClassVar


class StreamsError(Exception):
    """Any foreseen failure; its message is one plain sentence."""

    exit_code: ClassVar[int] = 1


class Unavailable(StreamsError):
    """A server does not answer: the same call may work later, with the same records."""

    exit_code: ClassVar[int] = 69


class Refused(StreamsError):
    """The record is wrong and will be at every retry: dead-letter it."""

    exit_code: ClassVar[int] = 65


class Misconfigured(StreamsError):
    """Nothing but an operator can help: stop and say what to change."""

    exit_code: ClassVar[int] = 78


class OffsetsLost(Misconfigured):
    """What should be read next is no longer, or not yet, in the log: going on would be a silent jump."""


class Fenced(StreamsError):
    """The commit did not go through and never will: another process owns the partition, or its fate is unknown."""

    exit_code: ClassVar[int] = 75
