"""The company whose traffic is played, invented: its site, its campaigns, the people and companies that come."""

from typing import Final, NamedTuple

SITE: Final = "https://www.northbeam-sensors.example"


class Page(NamedTuple):
    """A page of the site, and how much those who just look around and those who mean to buy go for it."""

    path: str
    title: str
    browsing: float
    buying: float


PAGES: Final = (
    Page("/", "Home", 3.0, 1.5), Page("/product", "Product", 2.5, 2.5), Page("/pricing", "Pricing", 0.35, 2.2),
    Page("/blog/predictive-maintenance", "Predictive maintenance in 10 steps", 2.4, 0.8),
    Page("/blog/retrofit", "Retrofit or replace?", 2.0, 0.6), Page("/blog/energy-monitoring", "Energy monitoring on a budget", 1.6, 0.5),
    Page("/case-studies/packaging-line", "Case study: packaging line", 0.5, 1.6),
    Page("/case-studies/foundry", "Case study: foundry", 0.4, 1.3), Page("/docs/api", "API reference", 0.4, 1.2),
    Page("/integrations", "Integrations", 0.5, 1.1), Page("/about", "About us", 0.8, 0.6), Page("/contact", "Contact", 0.2, 0.6),
)  # fmt: skip
CAREERS: Final = (Page("/careers", "Careers", 2.0, 0.0), Page("/careers/data-engineer", "Data engineer (m/f/d)", 1.0, 0.0))


class Way(NamedTuple):
    """A road to the site: the query it leaves in the address, the page it came from, the library's parsed campaign."""

    query: str
    referrer: str


WAYS: Final = {
    "organic_search": (Way("", "https://www.google.com/"), Way("", "https://www.bing.com/"), Way("", "https://duckduckgo.com/")),
    "direct": (Way("", ""),),
    "paid_search": (
        Way("utm_source=google&utm_medium=cpc&utm_campaign=brand-eu&gclid=Cj0KCQ", "https://www.google.com/"),
        Way("utm_source=google&utm_medium=cpc&utm_campaign=condition-monitoring&gclid=EAIaIQ", "https://www.google.com/"),
        Way("utm_source=bing&utm_medium=cpc&utm_campaign=condition-monitoring&msclkid=7f3a", "https://www.bing.com/"),
    ),
    "paid_social": (Way("utm_source=linkedin&utm_medium=paid_social&utm_campaign=plant-managers&li_fat_id=a1b2", "https://www.linkedin.com/"),),
    "social": (Way("", "https://www.linkedin.com/"), Way("", "https://www.reddit.com/"), Way("utm_source=youtube&utm_medium=social", "https://www.youtube.com/")),
    "referral": (Way("", "https://www.machine-magazine.example/"), Way("utm_source=partner&utm_medium=referral&utm_campaign=integrators", "https://partner.example/")),
    "display": (Way("utm_source=trade-media&utm_medium=display&utm_campaign=retrofit-banner", "https://www.trade-media.example/"),),
    "ai_assistant": (Way("", "https://chatgpt.com/"), Way("", "https://www.perplexity.ai/")),
    "email": (Way("utm_source=newsletter&utm_medium=email&utm_campaign=weekly", ""),),
}  # fmt: skip
FIRST_VISITS: Final = {
    "organic_search": 0.34, "direct": 0.17, "paid_search": 0.16, "paid_social": 0.09, "social": 0.07, "referral": 0.08,
    "display": 0.05, "ai_assistant": 0.04,
}  # fmt: skip
RETURNS: Final = {"direct": 0.5, "organic_search": 0.28, "paid_search": 0.08, "social": 0.05, "referral": 0.04, "display": 0.05}

WEEKDAYS: Final = (1.0, 1.15, 1.1, 1.05, 0.85, 0.3, 0.25)
HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 9, 16, 20, 22, 20, 14, 18, 21, 20, 17, 12, 8, 6, 6, 5, 3, 2)

CONTENT: Final = {
    "Newsletter Signup": 0.34, "Ebook Downloaded": 0.22, "White Paper Downloaded": 0.2, "Webinar Registered": 0.16, "Trial Started": 0.08,
}  # fmt: skip
"""What people leave their address for."""
REQUESTS: Final = {
    "Demo Booked": 0.4, "Contact Form Submitted": 0.24, "Assessment Ordered": 0.12, "Analysis Ordered": 0.08, "lead_form": 0.16,
}  # fmt: skip
"""How buyers ask to be called."""

FIRST_NAMES: Final = ("Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katja", "Liam", "Marie", "Noah", "Olga", "Paul", "Rosa", "Sven", "Tara", "Uwe")
LAST_NAMES: Final = ("Keller", "Weiss", "Novak", "Martin", "Rossi", "Janssen", "Dubois", "Murphy", "Schmidt", "Lopez", "Berg", "Fischer", "Moreau", "Walsh", "Brandt")
FIRMS: Final = ("keller-maschinenbau", "alpine-tools", "rhein-automation", "nordic-packaging", "delta-foundry", "lumen-software", "harbor-logistics", "vector-consulting", "blue-river-foods", "atlas-finance", "orion-it", "quarry-cement", "prime-textiles", "solid-pharma", "green-energy-works")
INDUSTRIES: Final = ("Manufacturing", "Machinery", "Automotive", "Logistics", "Software", "Finance", "Food production", "Pharmaceuticals", "Energy", "Consulting")
TITLES: Final = {
    "Head of Operations": 1.2, "Plant Manager": 1.4, "Maintenance Engineer": 1.5, "CTO": 0.6, "Managing Director": 0.7,
    "Procurement Specialist": 1.0, "Marketing Manager": 0.6, "VP Engineering": 0.5, "Working Student": 0.6, "IT Administrator": 1.0,
}  # fmt: skip
COUNTRIES: Final = {"Germany": 4.0, "Austria": 1.0, "Switzerland": 0.9, "France": 1.2, "Netherlands": 0.8, "United Kingdom": 1.0, "United States": 1.0, "Poland": 0.6, "Italy": 0.7, "India": 0.5}
EMPLOYEES: Final = {"1-10": 1.0, "11-50": 1.6, "51-200": 2.0, "201-1000": 1.4, "1001+": 0.8}
RIVAL: Final = "rival.example"
"""A competitor of the model that ships: whoever comes from there is disqualified."""
