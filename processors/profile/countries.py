"""Countries: ISO 3166-1 codes with the names people write in forms, in English and in the country's own words.

A table of our own: 249 lines that change once in some years cost less than a dependency of eight megabytes.
"""

from typing import Final

_TABLE: Final = """
AD AND andorra
AE ARE united arab emirates|uae|emirates|dubai|abu dhabi
AF AFG afghanistan
AG ATG antigua and barbuda
AI AIA anguilla
AL ALB albania
AM ARM armenia
AO AGO angola
AQ ATA antarctica
AR ARG argentina
AS ASM american samoa
AT AUT austria|osterreich|oesterreich|autriche
AU AUS australia
AW ABW aruba
AX ALA aland islands|aland
AZ AZE azerbaijan
BA BIH bosnia and herzegovina|bosnia
BB BRB barbados
BD BGD bangladesh
BE BEL belgium|belgien|belgique|belgie
BF BFA burkina faso
BG BGR bulgaria
BH BHR bahrain
BI BDI burundi
BJ BEN benin
BL BLM saint barthelemy
BM BMU bermuda
BN BRN brunei darussalam|brunei
BO BOL bolivia|plurinational state of bolivia
BQ BES bonaire sint eustatius and saba|caribbean netherlands
BR BRA brazil|brasil|brasilien
BS BHS bahamas|the bahamas
BT BTN bhutan
BV BVT bouvet island
BW BWA botswana
BY BLR belarus
BZ BLZ belize
CA CAN canada|kanada
CC CCK cocos keeling islands|cocos islands
CD COD democratic republic of the congo|congo kinshasa|dr congo|drc
CF CAF central african republic
CG COG congo|republic of the congo|congo brazzaville
CH CHE switzerland|schweiz|suisse|svizzera|suiza
CI CIV cote d ivoire|ivory coast
CK COK cook islands
CL CHL chile
CM CMR cameroon
CN CHN china|people s republic of china|prc
CO COL colombia
CR CRI costa rica
CU CUB cuba
CV CPV cabo verde|cape verde
CW CUW curacao
CX CXR christmas island
CY CYP cyprus
CZ CZE czechia|czech republic|cesko
DE DEU germany|deutschland|allemagne|alemania|federal republic of germany
DJ DJI djibouti
DK DNK denmark|danmark
DM DMA dominica
DO DOM dominican republic
DZ DZA algeria
EC ECU ecuador
EE EST estonia|eesti
EG EGY egypt
EH ESH western sahara
ER ERI eritrea
ES ESP spain|espana|spanien|espagne
ET ETH ethiopia
FI FIN finland|suomi
FJ FJI fiji
FK FLK falkland islands malvinas|falkland islands
FM FSM federated states of micronesia|micronesia
FO FRO faroe islands
FR FRA france|frankreich|francia
GA GAB gabon
GB GBR united kingdom|uk|great britain|britain|england|scotland|wales|northern ireland|united kingdom of great britain and northern ireland
GD GRD grenada
GE GEO georgia
GF GUF french guiana
GG GGY guernsey
GH GHA ghana
GI GIB gibraltar
GL GRL greenland
GM GMB gambia|the gambia
GN GIN guinea
GP GLP guadeloupe
GQ GNQ equatorial guinea
GR GRC greece|griechenland|hellas
GS SGS south georgia and the south sandwich islands
GT GTM guatemala
GU GUM guam
GW GNB guinea bissau
GY GUY guyana
HK HKG hong kong
HM HMD heard island and mcdonald islands
HN HND honduras
HR HRV croatia|hrvatska
HT HTI haiti
HU HUN hungary|magyarorszag
ID IDN indonesia
IE IRL ireland|republic of ireland|eire
IL ISR israel
IM IMN isle of man
IN IND india
IO IOT british indian ocean territory
IQ IRQ iraq
IR IRN islamic republic of iran|iran
IS ISL iceland
IT ITA italy|italia|italien|italie
JE JEY jersey
JM JAM jamaica
JO JOR jordan
JP JPN japan
KE KEN kenya
KG KGZ kyrgyzstan
KH KHM cambodia
KI KIR kiribati
KM COM comoros
KN KNA saint kitts and nevis|st kitts and nevis
KP PRK democratic people s republic of korea|north korea
KR KOR republic of korea|south korea|korea
KW KWT kuwait
KY CYM cayman islands
KZ KAZ kazakhstan
LA LAO lao people s democratic republic|laos
LB LBN lebanon
LC LCA saint lucia|st lucia
LI LIE liechtenstein
LK LKA sri lanka
LR LBR liberia
LS LSO lesotho
LT LTU lithuania|lietuva
LU LUX luxembourg|luxemburg
LV LVA latvia|latvija
LY LBY libya
MA MAR morocco|maroc
MC MCO monaco
MD MDA republic of moldova|moldova
ME MNE montenegro
MF MAF saint martin french part|saint martin
MG MDG madagascar
MH MHL marshall islands
MK MKD north macedonia|macedonia
ML MLI mali
MM MMR myanmar|burma
MN MNG mongolia
MO MAC macao|macau
MP MNP northern mariana islands
MQ MTQ martinique
MR MRT mauritania
MS MSR montserrat
MT MLT malta
MU MUS mauritius
MV MDV maldives
MW MWI malawi
MX MEX mexico|mexiko|mexique
MY MYS malaysia
MZ MOZ mozambique
NA NAM namibia
NC NCL new caledonia
NE NER niger
NF NFK norfolk island
NG NGA nigeria
NI NIC nicaragua
NL NLD netherlands|the netherlands|kingdom of the netherlands|holland|nederland|niederlande
NO NOR norway|norge|norwegen
NP NPL nepal
NR NRU nauru
NU NIU niue
NZ NZL new zealand
OM OMN oman
PA PAN panama
PE PER peru
PF PYF french polynesia
PG PNG papua new guinea
PH PHL philippines|the philippines
PK PAK pakistan
PL POL poland|polska|polen
PM SPM saint pierre and miquelon
PN PCN pitcairn
PR PRI puerto rico
PS PSE state of palestine|palestine
PT PRT portugal
PW PLW palau
PY PRY paraguay
QA QAT qatar
RE REU reunion
RO ROU romania
RS SRB serbia|srbija
RU RUS russian federation|russia
RW RWA rwanda
SA SAU saudi arabia|ksa
SB SLB solomon islands
SC SYC seychelles
SD SDN sudan
SE SWE sweden|sverige|schweden
SG SGP singapore
SH SHN saint helena ascension and tristan da cunha|saint helena
SI SVN slovenia|slovenija
SJ SJM svalbard and jan mayen
SK SVK slovakia|slovensko
SL SLE sierra leone
SM SMR san marino
SN SEN senegal
SO SOM somalia
SR SUR suriname
SS SSD south sudan
ST STP sao tome and principe
SV SLV el salvador
SX SXM sint maarten dutch part|sint maarten
SY SYR syrian arab republic|syria
SZ SWZ eswatini|swaziland
TC TCA turks and caicos islands
TD TCD chad
TF ATF french southern territories
TG TGO togo
TH THA thailand
TJ TJK tajikistan
TK TKL tokelau
TL TLS timor leste|east timor
TM TKM turkmenistan
TN TUN tunisia
TO TON tonga
TR TUR turkiye|turkey|turkei
TT TTO trinidad and tobago
TV TUV tuvalu
TW TWN taiwan|province of china taiwan
TZ TZA united republic of tanzania|tanzania
UA UKR ukraine
UG UGA uganda
UM UMI united states minor outlying islands
US USA united states|united states of america|america|vereinigte staaten|etats unis|estados unidos
UY URY uruguay
UZ UZB uzbekistan
VA VAT holy see|holy see vatican city state|vatican city|vatican
VC VCT saint vincent and the grenadines
VE VEN venezuela|bolivarian republic of venezuela
VG VGB british virgin islands
VI VIR u s virgin islands|us virgin islands
VN VNM viet nam|vietnam
VU VUT vanuatu
WF WLF wallis and futuna
WS WSM samoa
YE YEM yemen
YT MYT mayotte
ZA ZAF south africa
ZM ZMB zambia
ZW ZWE zimbabwe
"""

_LINES: Final = tuple(line.split(" ", 2) for line in _TABLE.strip().splitlines())

COUNTRIES: Final = {two: names.split("|")[0] for two, _, names in _LINES}
"""ISO 3166-1 alpha-2 code -> English name, in plain lower-case letters."""

CODE_OF: Final = {
    word: two for two, three, names in _LINES for word in (two.lower(), three.lower(), *names.split("|"))
}
"""Two-letter code, three-letter code or name, in plain lower-case letters -> two-letter code."""
