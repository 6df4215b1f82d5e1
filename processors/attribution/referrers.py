"""Which road an external referrer is: search engine, social network, web mail, assistant, or just another site."""

from typing import Final

from processors.attribution.channels import AI_ASSISTANT, DIRECT, EMAIL, ORGANIC_SEARCH, REFERRAL, SOCIAL

_SEARCH: Final = frozenset({
    "google", "bing", "yahoo", "duckduckgo", "ecosia", "qwant", "startpage", "baidu", "yandex", "naver", "daum", "seznam",
    "sogou", "ask", "aol", "excite", "lycos", "webcrawler", "dogpile", "metager", "mojeek", "swisscows", "kagi",
    "altavista", "ixquick", "virgilio", "onet", "rambler", "so", "so360", "exalead", "infospace", "abacho", "yippy",
    "gigablast", "alltheweb", "presearch", "petalsearch", "coccoc", "info", "mysearch", "centrum", "goo",
    "walla", "biglobe", "mamma", "zapmeta", "walhello", "metacrawler", "hotbot", "lukol", "youcare",
})  # fmt: skip
_SEARCH_PREFIXES: Final = ("search.", "suche.", "recherche.", "buscar.", "busca.", "zoeken.", "websearch.", "suchen.", "ricerca.")
_SOCIAL: Final = frozenset({
    "facebook", "instagram", "linkedin", "twitter", "youtube", "pinterest", "tiktok", "reddit", "quora", "tumblr", "xing",
    "threads", "whatsapp", "snapchat", "vk", "vkontakte", "weibo", "medium", "disqus", "flickr", "vimeo", "slideshare",
    "goodreads", "meetup", "myspace", "ok", "odnoklassniki", "zhihu", "livejournal", "deviantart", "viadeo", "renren",
    "douban", "foursquare", "stumbleupon", "delicious", "taringa", "tuenti", "hi5", "badoo", "mixi", "telegram",
})  # fmt: skip
_SOCIAL_HOSTS: Final = frozenset({
    "x.com", "t.co", "lnkd.in", "fb.com", "fb.me", "m.me", "youtu.be", "wa.me", "t.me", "pin.it", "redd.it", "bsky.app",
    "mastodon.social", "news.ycombinator.com", "plus.google.com", "url.google.com", "my.mail.ru", "last.fm",
})  # fmt: skip
_SOCIAL_NICKNAMES: Final = frozenset({"fb", "ig", "meta", "li", "x"})
_MAIL_HOSTS: Final = frozenset({"outlook.com", "proton.me", "hotmail.com", "gmx.net"})
_MAIL_PREFIXES: Final = ("mail.", "webmail.", "outlook.", "owa.", "email.")
_ASSISTANTS: Final = frozenset({
    "chatgpt.com", "chat.openai.com", "perplexity.ai", "claude.ai", "gemini.google.com", "copilot.microsoft.com",
    "chat.mistral.ai", "chat.deepseek.com", "grok.com", "you.com", "phind.com", "meta.ai",
})  # fmt: skip
_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "or", "ne"})


def by_referrer(referrer: str) -> str:
    """The channel of an external *referrer*; direct where it names no host."""
    host = host_of(referrer)
    return by_host(host, referrer.partition("//")[2].partition("/")[2]) if host else DIRECT


def by_host(host: str, path: str = "") -> str:
    if host in _ASSISTANTS:
        return AI_ASSISTANT
    if is_social(host):
        return SOCIAL
    first = host.partition(".")[0].rstrip("0123456789") + "."
    if first in _MAIL_PREFIXES or host in _MAIL_HOSTS or path.startswith(("webmail", "mail/")):
        return EMAIL
    if _name(host) in _SEARCH or first in _SEARCH_PREFIXES:
        return ORGANIC_SEARCH
    return REFERRAL


def by_source(source: str) -> str | None:
    """The channel of a campaign's source, a host or a bare name; None where it tells none."""
    if is_social(source):
        return SOCIAL
    if "mail" in source or "newsletter" in source:
        return EMAIL
    if "." in source:
        return by_host(source.removeprefix("www."))
    return ORGANIC_SEARCH if source in _SEARCH else None


def is_social(source: str) -> bool:
    """Whether a host or a bare name is a social network."""
    return source in _SOCIAL_HOSTS or source in _SOCIAL_NICKNAMES or (_name(source) if "." in source else source) in _SOCIAL


def host_of(url: str) -> str:
    """The host in *url*, in lower case, without user, port and `www.`; empty where there is none."""
    _, slashes, rest = url.partition("//")
    if not slashes:
        return ""
    for end in "/?#":
        rest = rest.partition(end)[0]
    return rest.rpartition("@")[2].partition(":")[0].lower().removeprefix("www.")


def same_site(one: str, other: str) -> bool:
    """Whether two hosts are parts of one site: equal from the registered name on."""
    return bool(one) and (one == other or _registered(one) == _registered(other))


def _registered(host: str) -> list[str]:
    labels = host.split(".")
    return labels[-3:] if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else labels[-2:]


def _name(host: str) -> str:
    return _registered(host)[0]
