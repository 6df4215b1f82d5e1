"""Whether Quix Streams is at hand: in a folder of its own, for what it needs does not go with what our tests need."""

import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

FOLDER: Final = Path(sys.prefix) / "bench"  # `make bench` fills it from the extra `bench`


def version() -> str | None:
    """The version of Quix Streams that is installed there, or beside us."""
    for found in distributions(path=[str(FOLDER), *sys.path]):
        if found.metadata["Name"].lower() == "quixstreams":
            return found.version
    return None


def missing() -> str | None:
    return None if version() else "the extra `bench` is not installed (quixstreams)"
