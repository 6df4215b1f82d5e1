"""Industries, as people and data vendors write them, coded. Expects plain words (see `profile.plain`)."""

import re
from functools import cache, lru_cache
from typing import Final

# The first line with a phrase in the text decides, so the narrow ones stand before the wide: insurance before finance,
# e-commerce before retail. A * stands for any letters of the same word.
_INDUSTRIES: Final = (
    ("nonprofit", ("non ?profit*", "not for profit", "ngo", "charit*", "gemeinnutz*", "philanthrop*", "association")),
    ("public_sector", ("government*", "public (sector|administration|services?)", "offentlich*", "oeffentlich*", "verwaltung",
                       "behorde*", "administration publique", "sector publico", "military", "defense administration")),
    ("ecommerce", ("e ?commerce", "online ?(shop|retail|handel)*", "onlinehandel", "internet retail", "marketplace*")),
    ("insurance", ("insurance*", "versicherung*", "assurance*", "seguros?")),
    ("pharma", ("pharma*", "biotech*", "life sciences?", "farmaceutic*")),
    ("real_estate", ("real estate", "immobili*", "inmobiliari*", "property", "proptech")),
    ("it_services", ("it (services?|consulting|dienstleist*)", "information technology( and)? services?", "managed services?",
                     "systems? integrat*", "web ?hosting", "computer (networking|services)")),
    ("software", ("software*", "saas", "information technology", "technology", "technologies", "tech", "internet", "computer*", "app", "apps", "fintech*",
                  "cloud", "informati*", "logiciel*", "tecnologia")),
    ("telecommunications", ("telecom*", "telekommunikation*", "wireless", "telecomunicaci*")),
    ("finance", ("financ*", "*finanz*", "bank*", "banque*", "investment*", "capital markets?", "venture capital", "accounting",
                 "asset management", "wealth management", "private equity")),
    ("advertising", ("advertising", "marketing*", "werbung", "werbeagentur*", "publicit*", "publicidad", "public relations",
                     "agency", "agentur")),
    ("media", ("media", "medien", "publishing", "verlag*", "entertainment", "broadcast*", "news*", "film", "music", "gaming",
               "games", "medios")),
    ("healthcare", ("health*", "hospital*", "medical*", "medizin*", "gesundheit*", "klinik*", "sante", "salud", "dental",
                    "wellness")),
    ("education", ("education*", "e ?learning", "university*", "universitat*", "school*", "bildung*", "enseignement", "educacion",
                   "training", "research")),
    ("automotive", ("automotive*", "automobil*", "car", "cars", "vehicle*", "automocion")),
    ("aerospace", ("aerospace*", "aviation*", "airlines?", "luftfahrt", "defense", "aeronauti*")),
    ("chemicals", ("chemical*", "chemie*", "chimie", "quimic*", "plastics?")),
    ("energy", ("energy", "energie*", "energia", "oil*", "gas", "utilit*", "renewable*", "solar*", "mining", "power")),
    ("construction", ("construction*", "bau", "bauwesen", "baugewerbe", "building*", "architect*", "batiment", "construccion")),
    ("food", ("food*", "beverage*", "lebensmittel*", "restaurant*", "catering", "alimenta*", "gastronomie", "bakery")),
    ("agriculture", ("agricultur*", "landwirtschaft*", "farming", "forestry", "agro*")),
    ("consumer_goods", ("consumer (goods|products|electronics)", "fmcg", "cpg", "apparel*", "fashion", "mode", "cosmetics?",
                        "luxury*", "textile*", "furniture", "sporting goods")),
    ("retail", ("retail*", "einzelhandel", "handel", "grosshandel", "wholesale*", "commerce", "comercio", "supermarket*")),
    ("logistics", ("logisti*", "transport*", "supply chain", "shipping", "freight", "spedition*", "warehous*", "trucking",
                   "maritime")),
    ("travel", ("travel*", "touris*", "reise*", "leisure", "viajes", "voyages?")),
    ("hospitality", ("hospitality", "hotel*", "hotellerie", "hosteleria", "events?")),
    ("legal", ("legal*", "law*", "rechts*", "kanzlei*", "juridique", "abogad*")),
    ("consulting", ("consulting", "consultanc*", "*beratung*", "conseil", "consultoria", "professional services?",
                    "management consulting", "human resources", "staffing*", "recruit*", "outsourcing*")),
    ("engineering", ("engineering", "ingenieur*", "*maschinenbau", "ingenierie", "ingenieria")),
    ("manufacturing", ("manufactur*", "industrial*", "industrie", "industry", "industria*", "produktion", "fabrication",
                       "machinery", "electrical*", "electronic*", "steel", "metal*", "packaging", "semiconductors?")),
)  # fmt: skip


@cache
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (code, re.compile(rf"(?<![a-z0-9])(?:{'|'.join(phrases).replace('*', '[a-z]*')})(?![a-z0-9])"))
        for code, phrases in _INDUSTRIES
    )


@lru_cache(maxsize=8192)
def industry_of(words: str) -> str | None:
    """The industry that *words* name, None where they name none that is known."""
    return next((code for code, pattern in _compiled() if pattern.search(words)), None)
