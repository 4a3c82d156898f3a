"""Three strangers' shops, tiny, in the layouts that they deliver."""

import json
from pathlib import Path

GROCER = {
    "bestellungen_2024-03.csv": """\
Bestellnr;Bestelldatum;Kundennr;Artikelnr;Bezeichnung;Menge;Einheit;Einzelpreis;Filiale
B-1001;01.03.2024 09:12;K-17;MUG-RED-01;Becher rot;2;Stk;4,95;Köln
B-1001;01.03.2024 09:12;K-17;KAES-BRG-02;Bergkäse;0,750;kg;18,90;Köln
B-1002;02.03.2024 17:45;;KAES-BRG-02;Bergkäse;1,5;kg;18,90;Köln
B-1003;15.03.2024 11:00;K-18;WEIN-RSL-03;Riesling "Kabinett";6;Stk;1.009,50;Köln
B-1004;15.03.2024 12:30;K-19;MUG-RED-01;Becher rot;-1;Stk;4,95;Köln
B-1005;31.02.2024 12:30;K-19;MUG-RED-01;Becher rot;1.5;Stk;4,95;Köln
""",
    "kunden.csv": """\
Kundennr;Vorname;Nachname;E-Mail;Telefon;PLZ;Ort;Geburtsdatum;Newsletter;Kunde seit
K-17;Jürgen;Müller;juergen@example.de;+49 221 4711001;50667;Köln;04.05.1971;ja;01.02.2020
K-18;Änne;Groß;aenne@example.de;+49 221 4711002;50668;Köln;23.11.1985;nein;17.09.2021
K-19;Zoë;Weiß;;;50670;Köln;;;30.12.2023
""",
}

TEA = {
    "注文/2024-04.json": [
        {
            "注文番号": "T0001",
            "注文日時": "2024/04/01 09:30:00",
            "会員番号": "M001",
            "明細": [
                {"商品コード": "CHA-01", "商品名": "煎茶", "数量": 2, "単価": 1080},
                {"商品コード": "YUN-02", "商品名": "湯呑み", "数量": 1, "単価": 2200},
            ],
        },
        {
            "注文番号": "T0002",
            "注文日時": "2024/04/02 18:05:10",
            "会員番号": None,
            "明細": [{"商品コード": "CHA-01", "商品名": "煎茶", "数量": 1, "単価": 1080}],
        },
        {
            "注文番号": "T0003",
            "注文日時": "2024/04/03 08:00:00",
            "会員番号": "M002",
            "明細": [{"商品名": "袋", "数量": 1, "単価": 5}],
        },
    ],
    "会員.csv": """\
会員番号,氏名,メールアドレス,電話番号,郵便番号,市区町村,生年月日,メルマガ購読,登録日
M001,山田 太郎,taro@example.jp,+81 3-1234-5678,100-0001,千代田区,1980年1月2日,はい,2020/05/06
M002,鈴木 花子,hanako@example.jp,+81 90-1234-5678,530-0001,大阪市北区,1992年12月31日,いいえ,2023/11/30
""",
}

SOAP = '''\
Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Billing Street,Billing City,Billing Zip,Billing Country,Phone,Accepts Marketing,Id
#1001,ann@example.org,paid,2024-03-05 10:21:33 -0500,fulfilled,USD,30.00,5.00,0.00,35.00,,2024-03-05 10:21:30 -0500,2,Lavender soap,10.00,SOAP-LAV,Ann Lee,1 Main St,Boston,02101,US,+1 617-555-0101,yes,450789469
#1001,ann@example.org,,,,,,,,,,,1,Rose soap,10.00,SOAP-ROS,,,,,,,,
#1002,,paid,2024-03-06 11:00:00 -0500,fulfilled,USD,10.00,5.00,0.00,15.00,,2024-03-06 10:59:00 -0500,1,Rose soap,10.00,SOAP-ROS,,,,,,,no,450789470
#1002,,,,,,,,,,,,3,"Gift ""box""",2.50,BOX-1,,,,,,,,
#1003,bob@example.org,paid,2024-04-16 09:00:00 -0400,fulfilled,USD,10.00,5.00,0.00,15.00,,2024-04-16 08:59:00 -0400,1,Rose soap,10.00,SOAP-ROS,Bob Ray,2 Oak St,Salem,01970,US,,no,450789471
'''

_MUG = {"item_id": "MUG-RED-01", "item_name": "Mug", "price": 4.95, "quantity": 1}
VISIT = [  # event, its parameters, its items
    ("session_start", {"ga_session_id": 17, "page_location": "https://x.example/"}, []),
    ("page_view", {"ga_session_id": 17, "page_location": "https://x.example/"}, []),
    ("view_item", {"ga_session_id": 17, "page_location": "https://x.example/mug"}, [_MUG]),
    ("add_to_cart", {"ga_session_id": 17}, [_MUG]),
    ("view_search_results", {"ga_session_id": 17, "search_term": "red mug"}, []),
    ("purchase", {"ga_session_id": 17, "transaction_id": "T-9"}, [_MUG]),
]


def soap_maker(folder: Path) -> Path:
    """An export of orders as hosted shops write it: one order over several lines, its fields on the first only."""
    folder.mkdir()
    (folder / "orders_export_1.csv").write_text(SOAP)
    return folder


def visits(folder: Path) -> Path:
    """Events as web analytics exports them: parameters as keys and values, times in microseconds, items in an array."""
    folder.mkdir()
    lines = []
    for place, (name, parameters, items) in enumerate(VISIT):
        event = {"event_date": "20240305", "event_timestamp": str(1709634093000000 + place), "event_name": name}
        kinds = {int: "int_value", str: "string_value"}
        event["event_params"] = [{"key": k, "value": {kinds[type(v)]: v}} for k, v in parameters.items()]
        event |= {"user_pseudo_id": "u1.1", "user_id": None, "device": {"category": "mobile"}, "items": items}
        lines.append(json.dumps(event))
    (folder / "events_20240305.json").write_text("\n".join(lines))
    return folder


def grocer(folder: Path) -> Path:
    """Two CSV files of a German grocer: Windows-1252, semicolons, decimal commas, goods by weight."""
    folder.mkdir()
    for name, text in GROCER.items():
        (folder / name).write_bytes(text.replace("\n", "\r\n").encode("cp1252"))
    return folder


def tea_house(folder: Path) -> Path:
    """A Japanese tea house: orders as an array of JSON, pretty-printed, members as CSV in Shift-JIS."""
    (folder / "注文").mkdir(parents=True)
    for name, content in TEA.items():
        if isinstance(content, str):
            (folder / name).write_bytes(content.encode("cp932"))
        else:
            (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
    return folder


def supermarket(folder: Path) -> Path:
    """The layout of The Complete Journey (84.51°), with rows of our own."""
    import pandas as pd

    folder.mkdir()
    times = pd.to_datetime(["2017-01-01 11:53:26", "2017-01-01 11:53:26", "2017-07-02 08:00:00", "2017-07-02 08:00:00"])
    tables = {
        "transactions": {
            "household_id": [900, 900, 1228, 1228],
            "store_id": [330, 330, 406, 406],
            "basket_id": [31198570044, 31198570044, 31198655051, 31198655052],
            "product_id": [1095275, 9878513, 1095275, 1041453],
            "quantity": [1, 3, 2, 0],
            "sales_value": [0.5, 1.0, 1.43, 0.0],
            "retail_disc": [0.0, 0.1, 0.15, 0.0],
            "coupon_disc": [0.0, 0.0, 0.0, 0.0],
            "coupon_match_disc": [0.0, 0.0, 0.0, 0.0],
            "week": [1, 1, 27, 27],
            "transaction_timestamp": times,
        },
        "products": {
            "product_id": [1095275, 9878513, 1041453],
            "manufacturer_id": [2, 69, 69],
            "department": ["GROCERY", "GROCERY", "PASTRY"],
            "brand": ["National", "National", "Private"],
            "product_category": ["FRZN ICE", "FRUIT - SHELF STABLE", "BREAD"],
            "product_type": ["ICE - CRUSHED/CUBED", "APPLE SAUCE", "BREAD:ITALIAN/FRENCH"],
            "package_size": ["22 LB", "50 OZ", None],
        },
        "demographics": {
            "household_id": [900, 1228],
            "age": ["65+", "35-44"],
            "income": ["35-49K", "25-34K"],
            "home_ownership": ["Homeowner", None],
            "marital_status": ["Married", "Unmarried"],
            "household_size": ["2", "1"],
            "household_comp": ["2 Adults No Kids", "1 Adult No Kids"],
            "kids_count": ["0", "0"],
        },
        "campaigns": {"campaign_id": [1, 1], "household_id": [900, 1228]},
        "coupons": {"coupon_upc": [10000085207, 10000085208], "product_id": [1095275, 1041453], "campaign_id": [1, 1]},
    }
    for name, columns in tables.items():
        pd.DataFrame(columns).to_parquet(folder / f"{name}.parquet", coerce_timestamps="us")
    return folder
