"""Opens that are no person's: proxies that fetch a message's pictures on their own, known by their user agents.

Apple's Mail Privacy Protection loads every message soon after it arrived, read or not, and calls itself nothing but
`Mozilla/5.0`. Gmail's and Yahoo's proxies tell neither who opened nor when.
"""

from typing import Final

_APPLE: Final = "mozilla/5.0"
_PROXIES: Final = ("googleimageproxy", "yahoomailproxy")


def by_machine(user_agent: object) -> bool:
    """Whether an open with this user agent was, as far as can be told, no person's."""
    if not isinstance(user_agent, str):
        return False
    said = user_agent[:1024].strip().lower()
    return said == _APPLE or any(proxy in said for proxy in _PROXIES)
