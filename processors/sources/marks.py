"""UTM parameters and click ids that a tool has taken from the address already and hands on by name: by which road they came."""

from collections.abc import Mapping
from urllib.parse import urlencode

from processors.attribution.roads import CLICK_IDS, UTM, Road, road


def road_of(said: Mapping[str, object], *, url: str | None = None, referrer: str | None = None) -> Road:
    """The road that the parameters in *said* tell, else the page and its referrer."""
    known = {name: value for name in (*UTM, *CLICK_IDS) if isinstance(value := said.get(name), str) and value}
    return road(url=url, referrer=referrer, search=urlencode(known, errors="replace") or None)
