"""Job titles, as people write them in English, German, French and Spanish, coded as a role and a function.

Expects plain words (lower case, no accents, single spaces; see `profile.plain`). In the phrases below a * stands for
any letters of the same word, so that *leiter* is also a Vertriebsleiterin.
"""

import re
from functools import cache, lru_cache
from typing import Final

# In this order: the first line with a phrase in the title decides. An assistant to the CEO is no CEO, a vice president
# no president, a managing director no director, and a Teamleiter leads fewer than a Bereichsleiter.
_ROLES: Final = (
    ("student", (
        "student*", "studier*", "etudiant*", "estudiante*", "alumn[oa]", "praktikant*", "werkstudent*", "auszubildende*",
        "azubi*", "trainee", "intern", "internship", "stagiaire", "apprenti*", "alternant*", "becari*", "practicante",
        "schuler*", "schueler*", "doktorand*", "phd candidate", "working student",
    )),
    ("specialist", (
        "(product|process|data|service|system|application|account|risk) owner", "assistant (to|of|du|de la|del)",
        "assistant$", "(executive|personal|management|administrative|legal|medical) assistant", "assistante", "*assistent*",
        "*assistenz", "asistente", "secretary", "*sekretar*", "*sekretaer*", "secretaire", "secretari[oa]",
        "sales executive", "account executive", "office of the *",
    )),
    ("vp", ("s?vp", "evp", "avp", "gvp", "vice president*", "vice presidente", "vicepresident*", "vizeprasident*")),
    ("c_level", (
        "ceo", "cfo", "cto", "coo", "cmo", "cio", "cro", "cpo", "cso", "chro", "ciso", "cdo", "cco", "cao", "chief * officer",
        "chief * * officer", "founder*", "cofounder*", "owner", "proprietor", "president*", "prasident*", "praesident*",
        "managing director", "executive director", "managing partner", "board member", "member of the board", "chair(wo)?man",
        "geschaftsfuhr*", "geschaeftsfuehr*", "geschaftsleit*", "geschaeftsleit*", "inhaber*", "vorstand*", "grunder*",
        "gruender*", "unternehmer*", "entrepreneur*", "pdg", "directeur general*", "directrice generale", "gerant*",
        "dirigeant*", "fondat*", "cofondat*", "proprietaire", "chef d entreprise", "director[a]? general",
        "director[a]? ejecutiv[oa]", "gerente general", "consejer[oa] delegad[oa]", "fundador*", "cofundador*",
        "propietari[oa]", "duen[oa]",
    )),
    ("manager", ("(team|projekt|gruppen|filial|schicht|objekt|markt|kuchen|kuechen|bau)leit*",)),
    ("director", (
        "director*", "directeur*", "directrice*", "direktor*", "head", "*leiter", "*leiterin", "*leitung", "prokurist*",
        "general manager", "dean",
    )),
    ("manager", (
        "chief of staff", "manager*", "*manager", "*managerin", "mgr", "supervisor*", "lead", "team ?leader", "foreman", "meister", "responsable",
        "chef", "cheffe", "cadre", "gerente", "jef[ea]", "encargad[oa]", "superintendent",
    )),
    ("specialist", (
        "*engineer*", "*ingenieur*", "ingenier*", "developer*", "*entwickler*", "desarrollador*", "developpeu*", "programm*",
        "analyst*", "analista*", "analyste*", "consult*", "*berater*", "conseill*", "specialist*", "*spezialist*",
        "especialista*", "specialiste*", "designer*", "administrator*", "administrateur*", "*buchhalt*", "accountant*",
        "comptable*", "contable*", "representative*", "rep", "executive", "associate", "officer", "coordinat*", "koordinat*",
        "coordinad*", "referent*", "sachbearbeit*", "*mitarbeit*", "angestellt*", "employee*", "employe", "emplead*",
        "*kaufmann", "*kauffrau", "technik*", "technician*", "technicien*", "tecnic*", "scientist*", "researcher*",
        "architect*", "architekt*", "architecte*", "arquitect*", "recruiter*", "buyer*", "einkaufer*", "einkaeufer*", "nurse*",
        "teacher*", "lehrer*", "lawyer*", "attorney*", "*anwalt*", "charge", "chargee", "redakteur*", "editor*", "writer*",
        "agent*", "advis[eo]r*", "clerk*", "freelance*", "freiberuf*", "selbststandig*", "trader*", "marketer*", "commercial*",
        "comercial*", "vendedor*", "verkauf*", "salesperson", "salesman", "strateg*", "planner*", "controller*", "auditor*",
        "scrum master", "physician*", "doctor",
    )),
)  # fmt: skip

_FUNCTIONS: Final = (
    ("marketing", (
        "*marketing*", "marketer*", "cmo", "brand*", "growth", "seo", "sea", "content", "communication*", "kommunikation*",
        "comunicacion*", "pr", "public relations", "demand generation", "campaign*", "werb*", "mercadotecnia", "publicidad",
        "publicite", "social media",
    )),
    ("sales", (
        "sales*", "*vertrieb*", "cro", "chief revenue officer", "revenue", "business development", "account (executive|manager)",
        "key account*", "bdr", "sdr", "commercial*", "comercial*", "vente*", "venta*", "vendedor*", "*verkauf*", "presales",
    )),
    ("it", (
        "it", "cto", "cio", "ciso", "software*", "*entwickl*", "developer*", "developpeu*", "desarrollador*", "data", "devops",
        "security", "*informati*", "edv", "technology", "technologie*", "tecnologia*", "sistemas", "systems?", "cloud",
        "programm*", "digital*", "full ?stack", "backend", "frontend", "platform", "sysadmin*", "engineering", "network*",
    )),
    ("finance", (
        "financ*", "*finanz*", "finanzas", "cfo", "account(ing|ant|ants)", "*controll*", "*buchhalt*", "comptab*", "contab*",
        "treasur*", "steuer*", "tax", "audit*", "bookkeep*", "payroll", "tesoreria",
    )),
    ("operations", (
        "operation*", "operaciones", "coo", "logisti*", "supply chain", "*produktion*", "production", "produccion",
        "*einkauf*", "*einkaeuf*", "procurement", "purchasing", "achats?", "compras", "betriebs*", "manufacturing", "plant",
        "facilit*", "warehouse", "quality", "*qualitat*", "lager*", "buyer*",
    )),
    ("hr", (
        "hr", "human resources?", "chro", "people", "talent", "recruit*", "rh", "ressources humaines", "recursos humanos",
        "personal(leit|abteil|wesen|refer|manag|entwickl|chef)*", "personnel",
    )),
)  # fmt: skip


@cache
def _compiled(table: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = _ROLES if table == "roles" else _FUNCTIONS
    return tuple((code, re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(_expression, phrases))})(?![a-z0-9])")) for code, phrases in rows)


def _expression(phrase: str) -> str:
    return phrase.replace("*", "[a-z]*")


@lru_cache(maxsize=8192)
def role_of(title: str) -> str | None:
    """The role that *title* names, None where it names none that is known."""
    return next((code for code, pattern in _compiled("roles") if pattern.search(title)), None)


@lru_cache(maxsize=8192)
def function_of(title: str) -> str | None:
    """The function that *title* or a department names; of several the one named first."""
    found = [(match.start(), code) for code, pattern in _compiled("functions") if (match := pattern.search(title))]
    return min(found, key=lambda hit: hit[0])[1] if found else None
