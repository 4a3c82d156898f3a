"""Word lists of the simulated people: invented combinations of common names, streets and towns."""

_GIVEN = """
James Margaret John Susan David Elizabeth Michael Patricia Robert Jennifer William Christine Thomas Catherine
Richard Deborah Andrew Victoria Christopher Katherine Anthony Samantha Daniel Rebecca Matthew Alexandra Joseph
Jessica Stephen Charlotte Edward Amanda Benjamin Stephanie Nicholas Emily Jonathan Hannah Samuel Laura Peter
Sarah Alexander Joanne Timothy Nicola Gregory Helen Philip Louise Simon Karen Martin Julie Paul Emma Mark Lucy
George Alice Henry Grace Oliver Sophie Harry Chloe Mohammed Aisha Ravi Priya Wei Mei Lars Ingrid Pierre
Camille Hans Greta Carlos Lucia Marco Giulia Piotr Agnieszka
"""
_SURNAMES = """
Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts
Green Hall Wood Jackson Clarke Patel Khan Lewis James Phillips Mason Mitchell Rose Davis Rodgers Cox Alexander
Campbell Stewart Murray Ellis Marshall Webb Simpson Holmes Palmer Mills Barnes Knight Matthews Hunt Chapman
Gibson Dixon Harvey Pearson Graham Fletcher Burton O'Brien O'Connor Murphy Kelly Byrne Begum Hussain Singh
Kaur Chen Wong Nguyen Kowalski Nowak Schmidt Weber Fischer Dubois Laurent Moreau Garcia Fernandez Rossi
Bianchi Silva Santos Jensen Andersson Virtanen Whitfield Thistlewood
"""
_STREETS = """
High Station Church Park Victoria Green Manor Kings Queens Mill School New Albert Grange North South West East
London Chapel Meadow Orchard Windsor Springfield Alexandra York Stanley Grove Cedar Elm Oak Ash Beech Birch
Maple Willow Poplar Chestnut Hawthorn Rowan Hillside Riverside Woodland Bridge Castle Abbey Priory Cathedral
Market Broad Long Short Upper Lower Nelson Wellington Clarence Cromwell Gladstone Shakespeare Milton Tennyson
Byron Wordsworth Derwent Severn Thames Avon Trent Highfield Broomfield Brookside Lakeside Moorland Heath
Common Forge Quarry Station
"""

GIVEN = tuple(_GIVEN.split())
SURNAMES = tuple(_SURNAMES.split())
STREETS = tuple(_STREETS.split())
STREET_KINDS = ("Road", "Street", "Lane", "Avenue", "Close", "Drive", "Way", "Gardens")

NICKNAMES = {
    **{"James": "Jim", "Margaret": "Maggie", "Susan": "Sue", "David": "Dave", "Elizabeth": "Liz", "Michael": "Mike"},
    **{
        "Patricia": "Pat",
        "Robert": "Bob",
        "Jennifer": "Jenny",
        "William": "Bill",
        "Christine": "Chris",
        "John": "Jack",
    },
    **{
        "Thomas": "Tom",
        "Catherine": "Cath",
        "Richard": "Dick",
        "Deborah": "Debbie",
        "Andrew": "Andy",
        "Victoria": "Vicky",
    },
    **{"Christopher": "Chris", "Katherine": "Kate", "Anthony": "Tony", "Samantha": "Sam", "Daniel": "Dan"},
    **{
        "Rebecca": "Becky",
        "Matthew": "Matt",
        "Alexandra": "Alex",
        "Joseph": "Joe",
        "Jessica": "Jess",
        "Stephen": "Steve",
    },
    **{"Charlotte": "Lottie", "Edward": "Ted", "Amanda": "Mandy", "Benjamin": "Ben", "Stephanie": "Steph"},
    **{"Nicholas": "Nick", "Emily": "Em", "Jonathan": "Jon", "Samuel": "Sam", "Peter": "Pete", "Sarah": "Sally"},
    **{"Alexander": "Alex", "Joanne": "Jo", "Timothy": "Tim", "Nicola": "Nicky", "Gregory": "Greg", "Helen": "Nell"},
    **{"Philip": "Phil", "Louise": "Lou", "Henry": "Harry", "Oliver": "Olly", "Sophie": "Soph", "Mohammed": "Mo"},
    **{"Agnieszka": "Aga", "Giulia": "Giu", "Martin": "Marty"},
}

# Town and the letters its postcodes begin with.
TOWNS = {
    **{"London": "SW", "Birmingham": "B", "Manchester": "M", "Leeds": "LS", "Glasgow": "G", "Sheffield": "S"},
    **{"Liverpool": "L", "Edinburgh": "EH", "Bristol": "BS", "Cardiff": "CF", "Leicester": "LE", "Coventry": "CV"},
    **{"Nottingham": "NG", "Newcastle": "NE", "Belfast": "BT", "Brighton": "BN", "Hull": "HU", "Plymouth": "PL"},
    **{"Derby": "DE", "Wolverhampton": "WV", "Southampton": "SO", "Portsmouth": "PO", "Norwich": "NR", "Swansea": "SA"},
    **{"Aberdeen": "AB", "Dundee": "DD", "York": "YO", "Oxford": "OX", "Cambridge": "CB", "Exeter": "EX"},
    **{"Gloucester": "GL", "Bath": "BA", "Peterborough": "PE", "Ipswich": "IP", "Reading": "RG", "Luton": "LU"},
    **{"Northampton": "NN", "Swindon": "SN", "Bournemouth": "BH", "Middlesbrough": "TS", "Blackpool": "FY"},
    **{"Bolton": "BL", "Stockport": "SK", "Huddersfield": "HD", "Blackburn": "BB", "Preston": "PR", "Lancaster": "LA"},
    **{"Carlisle": "CA", "Durham": "DH", "Sunderland": "SR", "Doncaster": "DN", "Lincoln": "LN", "Chester": "CH"},
    **{
        "Shrewsbury": "SY",
        "Telford": "TF",
        "Worcester": "WR",
        "Hereford": "HR",
        "Colchester": "CO",
        "Chelmsford": "CM",
    },
    **{"Canterbury": "CT", "Maidstone": "ME", "Guildford": "GU", "Croydon": "CR", "Kingston": "KT", "Watford": "WD"},
    **{"Slough": "SL", "Salisbury": "SP", "Taunton": "TA", "Truro": "TR", "Torquay": "TQ", "Perth": "PH"},
    **{"Inverness": "IV", "Stirling": "FK", "Ayr": "KA", "Dumfries": "DG", "Bangor": "LL", "Newport": "NP"},
    **{"Wigan": "WN", "Warrington": "WA", "Oldham": "OL", "Halifax": "HX", "Wakefield": "WF", "Harrogate": "HG"},
}
FOREIGN_TOWNS = {
    "Germany": ("Berlin", "Hamburg", "Köln", "Stuttgart"),
    "France": ("Paris", "Lyon", "Lille", "Nantes"),
    "EIRE": ("Dublin", "Cork", "Galway"),
    "Spain": ("Madrid", "Barcelona", "Sevilla"),
    "Belgium": ("Bruxelles", "Gent", "Antwerpen"),
    "Portugal": ("Lisboa", "Porto"),
    "Netherlands": ("Amsterdam", "Utrecht", "Rotterdam"),
    "Switzerland": ("Zürich", "Bern", "Genève"),
    "Sweden": ("Stockholm", "Göteborg"),
    "Italy": ("Milano", "Roma", "Torino"),
    "Australia": ("Sydney", "Melbourne"),
    "Norway": ("Oslo", "Bergen"),
    "USA": ("Boston", "Chicago", "Seattle"),
}
MAIL_DOMAINS = ("mail.example", "post.example", "inbox.example", "letters.example", "webmail.example", "home.example")
OFFICE_MAILS = ("info@giftshops.example", "office@village-stores.example", "sales@corner-gifts.example")

# Category -> words of a product's description, tried in this order.
CATEGORIES = {
    "christmas": "CHRISTMAS|XMAS|ADVENT|SANTA|REINDEER|SNOWMAN|BAUBLE|NATIVITY",
    "bags": "\\bBAGS?\\b|SHOPPER|RUCKSACK|PURSE|LUGGAGE|TOTE|WALLET",
    "lunch & picnic": "LUNCH|PICNIC|SNACK BOX|FLASK|BOTTLE|COOLER",
    "baking & kitchen": "CAKE|BAKING|KITCHEN|APRON|OVEN|RECIPE|JAM|SPOON|CHOPPING|COOKIE|\\bTINS?\\b|JELLY MOULD|EGG",
    "mugs & table": "\\bMUGS?\\b|\\bCUPS?\\b|TEA|COFFEE|PLATE|BOWL|GLASS|NAPKIN|COASTER|PLACEMAT|SAUCER|JUG|CUTLERY",
    "lights & candles": "LIGHT|CANDLE|LANTERN|LAMP|INCENSE|VOTIVE|CHANDELIER",
    "stationery & cards": "CARD|PAPER|NOTEBOOK|PENCIL|PEN\\b|STICKER|WRAP|ENVELOPE|RIBBON|ERASER|JOURNAL|STAMP|TISSUE",
    "toys": "TOY|DOLL|GAME|PUZZLE|SKITTLE|SOLDIER|PLAY|DINOSAUR|SPACEBOY|BALLOON|CIRCUS|CHILDREN|KIDS|BABY",
    "jewellery": "NECKLACE|BRACELET|EARRING|BROOCH|BANGLE|JEWEL|\\bRING\\b|HAIR|CHARM|BEAD",
    "garden": "GARDEN|PLANT|FLOWER|HERB|WATERING|BIRD|SEED|PARASOL|BUTTERFL|GNOME",
    "signs & decor": "SIGN|HEART|WALL|DOOR|BUNTING|FRAME|MIRROR|HANGING|DECORATION|ORNAMENT|DOILY|GARLAND",
    "clocks & furniture": "CLOCK|CABINET|DRAWER|STOOL|CHAIR|TABLE|SHELF|HOOK|COAT ?RACK|HANGER",
    "textiles": "CUSHION|TOWEL|BLANKET|QUILT|RUG|SCARF|THROW|WARMER|WATER BOTTLE|SLIPPER|UMBRELLA",
    "storage": "BOX|BASKET|CRATE|STORAGE|JAR|CASE|HOLDER|RACK",
    "party & craft": "PARTY|CRAFT|KNITTING|SEWING|PATCH|FELT|SET OF",
}
CAMPAIGNS = ("newsletter", "christmas-gifts", "spring-sale", "search-ads", "friends-refer", "back-to-school")
