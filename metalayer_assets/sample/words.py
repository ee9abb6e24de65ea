"""Keep the words that sample people, places and products are made of; no logic.

E-mail domains are those reserved for examples, phone numbers those reserved for fiction.
"""

FIRST_NAMES = (
    "Mary", "John", "Linda", "James", "Patricia", "Robert", "Jennifer", "Michael", "Elizabeth", "David",
    "Susan", "Richard", "Jessica", "Joseph", "Karen", "Thomas", "Sarah", "Charles", "Nancy", "Daniel",
    "José", "Zoë", "Łukasz", "Søren", "Björn", "Chloé", "François", "Małgorzata", "Nguyễn", "Íñigo",
    "Mei", "Jean-Luc", "Mary Ann", "Aoife", "Siobhán", "Ahmed", "Fatima", "Yuki", "Olga", "Wei",
    "Ana", "Luis", "Grace", "Henry", "Ivy", "Omar", "Priya", "Ravi", "Sofia", "Tom",
)  # fmt: skip
LAST_NAMES = (
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Wilson", "Anderson",
    "McDonald", "O'Neil", "van der Berg", "de la Cruz", "MacLeod", "D'Angelo", "von Trapp", "O'Brien", "Lee", "King",
    "Müller", "Nowak", "Łukaszewicz", "Ó Súilleabháin", "Hernández", "Åkesson", "Dvořák", "Çelik", "王", "Kowalski",
    "Smith-Jones", "St. John", "Fitzgerald", "DeWitt", "LeBlanc", "Patel", "Kim", "Nguyen", "Silva", "Rossi",
    "Martin", "Clark", "Lewis", "Walker", "Hall", "Young", "Allen", "Wright", "Scott", "Green",
    "Baker", "Adams", "Nelson", "Carter", "Mitchell", "Turner", "Parker", "Collins", "Edwards", "Stewart",
)  # fmt: skip
STREETS = (
    "Main St", "Oak Avenue", "Maple Drive", "Cedar Lane", "Park Road", "Elm Street, Apt 4", "Lake View Ct", "Hill Rd",
    "Washington Blvd", "Second St, Floor 2", "Church Lane", "Mill Road", "River Walk", "Sunset Blvd", "Broadway",
)  # fmt: skip
# city, state (in the United States), postal code with # for a digit, country (the region of the account)
PLACES = (
    ("New York", "NY", "100##", "United States"),
    ("Buffalo", "NY", "142##", "United States"),
    ("Los Angeles", "CA", "900##", "United States"),
    ("San Francisco", "CA", "941##", "United States"),
    ("Chicago", "IL", "606##", "United States"),
    ("Houston", "TX", "770##", "United States"),
    ("Austin", "TX", "787##", "United States"),
    ("Miami", "FL", "331##", "United States"),
    ("Seattle", "WA", "981##", "United States"),
    ("Denver", "CO", "802##", "United States"),
    ("Boston", "MA", "021##", "United States"),
    ("Atlanta", "GA", "303##", "United States"),
    ("Toronto", "", "M5V 2T#", "Canada"),
    ("Montréal", "", "H2X 1Y#", "Canada"),
    ("London", "", "SW1A 1A#", "United Kingdom"),
    ("Leeds", "", "LS1 4A#", "United Kingdom"),
    ("München", "", "803##", "Germany"),
    ("Paris", "", "750##", "France"),
    ("Kraków", "", "30-0##", "Poland"),
    ("Dublin", "", "D02 X28#", "Ireland"),
)
REGIONS = ("United States", "Canada", "United Kingdom", "Germany", "France", "Poland", "Ireland", "Spain", "Australia")
MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")
PRODUCT_STYLES = ("Red", "Blue", "Vintage", "Mini", "Classic", "Large", "Folding", "Striped", "Wooden", "Enamel")
PRODUCT_THINGS = (
    ("Café Mug", "Kitchen"),
    ("Lunch Box", "Kitchen"),
    ("Cake Stand", "Kitchen"),
    ("Desk Lamp", "Home"),
    ("Wall Clock", "Home"),
    ("Crème Brûlée Dish", "Kitchen"),
    ('Photo Frame 8" x 10"', "Home"),
    ("Garden Gnome", "Garden"),
    ("Watering Can, 5 L", "Garden"),
    ("Bird Feeder", "Garden"),
    ("Piñata", "Party"),
    ("Paper Bunting", "Party"),
    ("Candle Holder", "Party"),
    ("Notebook", "Stationery"),
    ("Pencil Case", "Stationery"),
    ("Gift Wrap", "Stationery"),
)
