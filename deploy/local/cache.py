"""Where Kafka's jars are kept between installations; apart from `jars`, whose imports a mere `status` need not wait for."""

import os
from pathlib import Path


def default_cache() -> Path:
    # The one look at the environment outside streams/settings.py: local servers may not import the product.
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"  # noqa: TID251
    return Path(home).expanduser() / "leadstream" / "maven"
