"""Define the code lists of states, regions and countries here, with the other words that sources have for them."""

from metalayer_assets.contracts.forms import Coded

US_STATE_NAMES = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "PR": "Puerto Rico",
}
US_STATES = tuple(US_STATE_NAMES)
STATE = Coded(
    values=US_STATES,
    spellings=(
        *((name, code) for code, name in US_STATE_NAMES.items()),
        *((spelling, "DC") for spelling in ("D.C.", "Washington DC", "Washington D.C.", "Washington, D.C.")),
    ),
)

_SALES_REGIONS = (
    *("North", "South", "East", "West", "Central", "Northeast", "Northwest", "Southeast", "Southwest", "Midwest"),
    *("EMEA", "APAC", "LATAM", "NA", "Europe", "Asia", "Africa", "North America", "South America", "Oceania"),
)
# Short English name, the two codes of ISO 3166, further spellings.
_COUNTRIES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("Argentina", "AR", "ARG", ()),
    ("Australia", "AU", "AUS", ()),
    ("Austria", "AT", "AUT", ("Österreich",)),
    ("Bahrain", "BH", "BHR", ()),
    ("Belgium", "BE", "BEL", ("België", "Belgique")),
    ("Brazil", "BR", "BRA", ("Brasil",)),
    ("Bulgaria", "BG", "BGR", ()),
    ("Canada", "CA", "CAN", ()),
    ("Chile", "CL", "CHL", ()),
    ("China", "CN", "CHN", ("People's Republic of China", "PRC")),
    ("Colombia", "CO", "COL", ()),
    ("Croatia", "HR", "HRV", ("Hrvatska",)),
    ("Cyprus", "CY", "CYP", ()),
    ("Czech Republic", "CZ", "CZE", ("Czechia", "Česko")),
    ("Denmark", "DK", "DNK", ("Danmark",)),
    ("Egypt", "EG", "EGY", ()),
    ("Estonia", "EE", "EST", ()),
    ("Finland", "FI", "FIN", ("Suomi",)),
    ("France", "FR", "FRA", ()),
    ("Germany", "DE", "DEU", ("Deutschland",)),
    ("Greece", "GR", "GRC", ()),
    ("Hong Kong", "HK", "HKG", ("Hong Kong SAR",)),
    ("Hungary", "HU", "HUN", ()),
    ("Iceland", "IS", "ISL", ()),
    ("India", "IN", "IND", ()),
    ("Indonesia", "ID", "IDN", ()),
    ("Ireland", "IE", "IRL", ("Republic of Ireland",)),
    ("Israel", "IL", "ISR", ()),
    ("Italy", "IT", "ITA", ("Italia",)),
    ("Japan", "JP", "JPN", ()),
    ("Kenya", "KE", "KEN", ()),
    ("Latvia", "LV", "LVA", ()),
    ("Lebanon", "LB", "LBN", ()),
    ("Lithuania", "LT", "LTU", ()),
    ("Luxembourg", "LU", "LUX", ()),
    ("Malaysia", "MY", "MYS", ()),
    ("Malta", "MT", "MLT", ()),
    ("Mexico", "MX", "MEX", ("México",)),
    ("Morocco", "MA", "MAR", ()),
    ("Netherlands", "NL", "NLD", ("The Netherlands", "Holland", "Nederland")),
    ("New Zealand", "NZ", "NZL", ()),
    ("Nigeria", "NG", "NGA", ()),
    ("Norway", "NO", "NOR", ("Norge",)),
    ("Pakistan", "PK", "PAK", ()),
    ("Peru", "PE", "PER", ("Perú",)),
    ("Philippines", "PH", "PHL", ("The Philippines",)),
    ("Poland", "PL", "POL", ("Polska",)),
    ("Portugal", "PT", "PRT", ()),
    ("Romania", "RO", "ROU", ()),
    ("Saudi Arabia", "SA", "SAU", ()),
    ("Serbia", "RS", "SRB", ()),
    ("Singapore", "SG", "SGP", ()),
    ("Slovakia", "SK", "SVK", ("Slovak Republic",)),
    ("Slovenia", "SI", "SVN", ()),
    ("South Africa", "ZA", "ZAF", ()),
    ("South Korea", "KR", "KOR", ("Republic of Korea", "Korea, Republic of")),
    ("Spain", "ES", "ESP", ("España",)),
    ("Sweden", "SE", "SWE", ("Sverige",)),
    ("Switzerland", "CH", "CHE", ("Schweiz", "Suisse", "Svizzera")),
    ("Taiwan", "TW", "TWN", ()),
    ("Thailand", "TH", "THA", ()),
    ("Turkey", "TR", "TUR", ("Türkiye",)),
    ("Ukraine", "UA", "UKR", ()),
    ("United Arab Emirates", "AE", "ARE", ("UAE",)),
    ("United Kingdom", "GB", "GBR", ("U.K.", "Great Britain")),
    ("United States", "US", "", ("U.S.", "U.S.A.", "United States of America")),
    ("Vietnam", "VN", "VNM", ("Viet Nam",)),
)
# Names that shops write beside the usual ones; told so, they stay so.
_SHOP_NAMES = {"Channel Islands": "JE", "EIRE": "IE", "RSA": "ZA", "UK": "GB", "USA": "US"}

# Sales regions, and short English names of countries as shops write them.
REGIONS = (*_SALES_REGIONS, *sorted([*(name for name, *_ in _COUNTRIES), *_SHOP_NAMES]))
# A two-letter code that is also one of a state of the United States says neither.
REGION = Coded(
    values=REGIONS,
    spellings=tuple(
        (spelling, name)
        for name, two, three, others in _COUNTRIES
        for spelling in (two, three, *others)
        if spelling and spelling not in US_STATES
    ),
)

# The two-letter code of a country by its name or code in lower case: where a row says the country of its numbers.
COUNTRY_CODES = {
    spelling.lower(): two
    for name, two, three, others in _COUNTRIES
    for spelling in (name, two, three, *others)
    if spelling
} | {name.lower(): two for name, two in _SHOP_NAMES.items()}
