"""What fields, files and events are called: the words of shops in English, German, French, Spanish and Japanese."""

import re
import unicodedata
from functools import cache

# Concept -> names that fields of it have. Words of a name stand apart; Japanese names are found within longer ones.
NAMES: dict[str, str] = {
    "order_id": "order id|order no|order number|order nr|order|basket id|transaction id|receipt|receipt no|receipt number|invoice|invoice no|"
    "invoice id|bon nr|bonnr|belegnr|beleg nr|belegnummer|bestellnr|bestell nr|bestellnummer|bestellung|auftragsnr|auftragsnummer|rechnungsnr|rechnung|"
    "commande|no commande|numero commande|num commande|ticket caisse|facture|pedido|numero pedido|id pedido|num pedido|"
    "注文番号|注文id|受注番号|伝票番号|レシート番号|name|id",
    "order_ts": "order date|ordered at|order time|order ts|placed at|placed ms|created at|created|date|datetime|date time|timestamp|sold at|invoice date|"
    "transaction timestamp|transaction date|transaction time|purchase date|paid at|order datetime|bestelldatum|bestellt am|datum|kaufdatum|"
    "rechnungsdatum|verkauft am|zeit|zeitpunkt|datum uhrzeit|date commande|date heure|date achat|fecha|fecha pedido|fecha hora|注文日時|注文日|受注日|受注日時|購入日|購入日時|販売日時|日時|日付",
    "received_ts": "received at|received|received ms|received ts|ingested at|eingegangen am|受信日時",
    "customer_id": "customer id|customer no|customer number|customer|client id|client no|user id|member id|member no|household id|household|buyer id|"
    "kundennr|kunden nr|kundennummer|kunde|kunden id|client|id client|no client|numero client|code client|cliente|id cliente|num cliente|numero cliente|"
    "顧客番号|顧客id|会員番号|会員id|お客様番号|ユーザーid",
    "account_id": "account id|account|account no|login|konto|benutzer id|compte|cuenta|アカウントid",
    "card_id": "card id|card no|card number|loyalty card|loyalty card no|loyalty id|kundenkarte|karten nr|kartennr|kartennummer|bonuskarte|carte fidelite|"
    "no carte|tarjeta|tarjeta fidelidad|num tarjeta|カード番号|会員カード番号|ポイントカード番号",
    "cookie_id": "cookie|cookie id|visitor id|user pseudo id|anonymous id|client cookie|fullvisitorid|fingerprint|クッキー",
    "device_id": "device id|install id|installation id|app instance id|advertising id|geraete id",
    "session_id": "session id|session|ga session id|visit id|sitzung|セッションid",
    "sku": "sku|sku id|product id|product no|product code|item id|item code|item no|article|article no|article id|stock code|stockcode|variant sku|lineitem sku|ean|gtin|"
    "barcode|upc|plu|artikelnr|artikel nr|artikelnummer|artikel|art nr|artnr|produkt id|produktnr|ref|reference|code article|code produit|id produit|"
    "referencia|codigo|codigo producto|codigo articulo|id producto|商品コード|商品番号|商品id|品番|型番|jan|janコード|product|produkt|produit|producto|商品",
    "title": "title|product name|item name|name|description|product title|product|item description|item title|lineitem name|product type|bezeichnung|"
    "artikelbezeichnung|artikelname|produkt|produktname|beschreibung|libelle|designation|nom produit|produit|nom article|descripcion|nombre producto|producto|nombre|商品名|品名|名称|商品名称",
    "quantity": "quantity|qty|units|amount ordered|count|lineitem quantity|number of items|menge|anzahl|stueck|stueckzahl|quantite|qte|nombre articles|cantidad|"
    "cant|unidades|数量|個数|点数",
    "unit": "unit|unit of measure|uom|einheit|mengeneinheit|unite|unidad|単位",
    "unit_price": "unit price|price|item price|price each|selling price|lineitem price|price per unit|einzelpreis|preis|stueckpreis|vk preis|preis je einheit|"
    "kilopreis|prix unitaire|prix|pu|precio|precio unitario|単価|価格|販売価格",
    "line_total": "line total|total|sales value|amount|line amount|revenue|net amount|subtotal|gesamtpreis|summe|betrag|gesamt|umsatz|positionswert|montant|total ligne|"
    "importe|total linea|金額|小計|合計|売上金額",
    "currency": "currency|currency code|cur|waehrung|devise|monnaie|moneda|divisa|通貨",
    "country": "country|country code|ship country|shipping country|billing country|country name|land|lieferland|pays|pais|国|国名|国コード",
    "channel": "channel|sales channel|kanal|vertriebsweg|canal|チャネル|販路",
    "line_id": "order line id|line id|line item id|lineitem id|position id|明細id",
    "store_id": "store id|store|store no|shop|branch|location|location id|filiale|filial nr|filialnr|markt|magasin|tienda|店舗|店舗コード|店舗id|店舗名",
    "given_name": "first name|given name|firstname|forename|given|vorname|prenom|nombre pila|名",
    "surname": "last name|surname|lastname|family name|family|nachname|nom|nom famille|apellido|apellidos|姓|苗字",
    "full_name": "full name|customer name|name|billing name|contact name|kundenname|nom complet|nombre completo|nombre|氏名|お名前|顧客名|名前",
    "email": "email|e mail|email address|mail|mail address|e mail adresse|emailadresse|courriel|adresse email|adresse mail|correo|correo electronico|メール|メールアドレス|eメール",
    "phone": "phone|phone number|telephone|tel|mobile|mobile phone|cell|telefon|telefonnummer|handy|mobil|telephone portable|portable|telefono|movil|電話|電話番号|携帯|携帯電話",
    "street": "street|address|address1|address 1|address line 1|street address|billing address1|billing street|strasse|anschrift|adresse|rue|direccion|calle|住所|番地",
    "city": "city|town|billing city|ort|stadt|wohnort|ville|ciudad|localidad|poblacion|市区町村|市|都市",
    "postcode": "postcode|post code|postal code|zip|zip code|billing zip|plz|postleitzahl|code postal|cp|codigo postal|郵便番号",
    "date_of_birth": "date of birth|dob|birth date|birthday|birthdate|geburtsdatum|geburtstag|geb datum|date naissance|naissance|fecha nacimiento|生年月日|誕生日",
    "consent_email": "consent email|consents email|email consent|opt in|opt in email|opt in e mail|newsletter|accepts marketing|accepts email marketing|marketing consent|email opt in|"
    "newsletter einwilligung|werbung|werbeeinwilligung|einwilligung|einwilligung email|acceptation newsletter|consentement|boletin|acepta marketing|メルマガ|メルマガ購読|メール配信|メール許可|メルマガ希望",
    "consent_sms": "consent sms|consents sms|sms consent|opt in sms|accepts sms marketing|sms opt in|sms|einwilligung sms|consentement sms|acepta sms|sms配信",
    "consent_profiling": "consent profiling|consents profiling|profiling|profiling ok|personalisation consent|personalization consent|einwilligung profiling|profilage|perfilado",
    "updated_ts": "updated at|updated|last changed|last modified|modified at|changed at|updated ts|geaendert am|aenderungsdatum|letzte aenderung|"
    "modifie le|date modification|mis a jour|actualizado|fecha actualizacion|更新日時|更新日",  # no date of joining or issue
    "handle": "handle|social handle|twitter|instagram|username|user name|screen name",
    "rating": "rating|stars|score|star rating|bewertung|sterne|note|etoiles|valoracion|estrellas|puntuacion|評価|星|評点",
    "text": "text|review text|review|body|comment|comments|message|content|review body|feedback|kommentar|text der bewertung|rezension|nachricht|commentaire|avis|texte|"
    "comentario|opinion|texto|mensaje|本文|コメント|レビュー|内容|口コミ|問い合わせ内容|お問い合わせ内容",
    "review_id": "review id|id|bewertung id|avis id|レビューid",
    "review_ts": "review date|posted at|reviewed at|created at|date|submitted at|datum|bewertet am|date avis|fecha|投稿日|投稿日時|日付|日時",
    "ticket_id": "ticket id|ticket no|ticket number|case id|case number|ticket|id|fall nr|vorgang|vorgangsnummer|問い合わせ番号|チケット番号|受付番号",
    "opened_ts": "opened at|created at|created|opened|date|received at|eroeffnet am|erstellt am|datum|ouvert le|date|abierto|fecha|受付日時|受付日|日時",
    "subject": "subject|betreff|sujet|objet|asunto|件名|題名",
    "status": "status|state|ticket status|statut|etat|estado|状態|ステータス",
    "contact_channel": "via|contact channel|source|channel|kontaktweg|kanal|canal|経路|受付方法",
    "category": "category|product category|department|group|product group|product type|type|warengruppe|kategorie|abteilung|categorie|famille|rayon|categoria|familia|seccion|カテゴリ|カテゴリー|分類|部門",
    "brand": "brand|manufacturer|vendor|marke|hersteller|marque|fabricant|marca|fabricante|ブランド|メーカー",
    "list_price": "list price|price|rrp|variant price|regular price|uvp|listenpreis|preis|verkaufspreis|vk|prix|prix vente|prix catalogue|pvp|precio|定価|価格|単価|販売価格",
    "unit_cost": "unit cost|cost|cost per item|purchase price|einkaufspreis|ek|ek preis|kosten|prix achat|cout|coste|costo|precio compra|原価|仕入価格|仕入れ値",
    "stock": "stock|stock on hand|on hand|inventory|inventory quantity|variant inventory qty|bestand|lagerbestand|lager|stocks|existencias|inventario|在庫|在庫数",
    "min_age": "min age|minimum age|age limit|mindestalter|age minimum|edad minima|年齢制限",
    "day": "day|date|datum|tag|jour|dia|fecha|日|日付|年月日",
    "visitors": "visitors|people in|footfall|count|entries|traffic|besucher|frequenz|visiteurs|visitantes|entradas|来店者数|来客数|入店者数",
    "temperature": "temperature|temperature c|temp|mean temperature|temperatur|tavg|temperatura|気温|平均気温",
    "rain": "rain|rain mm|precipitation|prcp|rainfall|niederschlag|regen|pluie|precipitation mm|lluvia|precipitacion|降水量",
    "event_id": "event id|id|post id|uuid|message id|hit id|イベントid",
    "event_ts": "event timestamp|event time|timestamp|time|ts|event ts|sent at|occurred at|created at|posted at|date|original timestamp|zeitstempel|日時|イベント日時|発生日時",
    "event_type": "event name|event|event type|type|action|name|ereignis|evenement|evento|イベント|イベント名",
    "query": "query|search term|search|term|keyword|search query|suchbegriff|recherche|busqueda|検索語|検索キーワード",
    "campaign": "campaign|utm campaign|traffic source name|campaign id|campaign name|kampagne|campagne|campana|キャンペーン",
    "device_type": "device type|device|device category|geraet|appareil|dispositivo|デバイス",
    "plan_id": "plan id|promotion id|promo id|campaign id|campaign|promotion|aktion|aktion id|promo|promocion|施策id|キャンペーンid",
    "plan_kind": "kind|promotion type|promo type|campaign type|type|art|種別",
    "plan_amount": "amount|discount|discount share|rabatt|remise|descuento|割引率",
}

# Silver table -> what files of it are called.
FILES: dict[str, str] = {
    "silver.orders": "orders|order|transactions|sales|receipts|invoices|baskets|order lines|line items|bestellungen|auftraege|verkaeufe|umsaetze|belege|kasse|bons|rechnungen|"
    "commandes|ventes|tickets caisse|factures|pedidos|ventas|facturas|注文|受注|売上|購買|購入",
    "silver.contacts": "customers|contacts|accounts|members|crm|people|demographics|users|cards|loyalty|kunden|kontakte|adressen|kundenkarten|clients|adherents|clientes|socios|顧客|会員",
    "silver.products": "products|catalog|catalogue|items|articles|inventory|artikel|produkte|sortiment|stammdaten|produits|catalogo|productos|articulos|商品|商品マスタ",
    "silver.reviews": "reviews|ratings|feedback|bewertungen|rezensionen|avis|commentaires|resenas|opiniones|valoraciones|レビュー|口コミ",
    "silver.tickets": "tickets|support|cases|helpdesk|anfragen|service|reclamations|incidencias|問い合わせ|サポート",
    "silver.interactions": "events|clicks|clickstream|web|app|hits|ga4|analytics|pageviews|interactions|ereignisse|evenements|eventos|イベント|行動|アクセス",
    "silver.weather": "weather|wetter|meteo|tiempo|clima|天気|気象",
    "silver.footfall": "footfall|visitors|traffic|door counts|besucher|frequenz|frequentation|afluencia|来店|来客",
    "silver.plans": "plans|promotions plan|promo calendar|marketing plan|aktionsplan|plan promo|販促計画",
}

# What events are called elsewhere -> their names here.
EVENTS: dict[str, str] = {
    "page_view": "page_view|pageview|page|view|screen_view|screenviewed|page_viewed|visit",
    "search": "search|view_search_results|searched|products_searched|site_search",
    "product_view": "product_view|view_item|product_viewed|productviewed|viewcontent|view_product|detail|商品閲覧",
    "add_to_cart": "add_to_cart|addtocart|product_added|added_to_cart|addedtocart|cart_add|カート追加",
    "checkout": "checkout|begin_checkout|checkout_started|checkoutstarted|initiate_checkout|initiatecheckout",
    "purchase": "purchase|order_completed|purchased|transaction|order|buy|checkout_completed|購入",
    "social_post": "social_post|post|tweet",
}
GA4 = {"view_item", "view_search_results", "begin_checkout"}  # one is seen: the others will be

# Concept -> words of names that are never of it.
_NEVER = {
    "title": {"billing", "shipping", "customer", "contact", "first", "last", "user", "account", "kunden", "client", "cliente", "file", "campaign", "id", "code", "no", "nr", "number"},
    "order_id": {"line", "first", "last"},
    "quantity": {"days", "id"},
    "unit_price": {"total", "compare"},
    "list_price": {"cost", "compare"},
    "email": {"opt", "consent", "accepts"},
    "phone": {"opt", "consent", "accepts"},
    "order_ts": {"birth", "paid", "updated", "received", "cancelled"},
}  # fmt: skip
_FILLERS = {"de", "du", "la", "le", "del", "der", "the", "of", "des", "d", "l", "gbp", "eur", "usd", "jpy", "in", "y"}


@cache
def words(text: str) -> tuple[str, ...]:
    """A name's words: lower case, without accents, umlauts written out, `camelCase` taken apart."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", unicodedata.normalize("NFKC", text)).lower()
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(umlaut, plain)
    latin = "".join(
        c for c in unicodedata.normalize("NFKD", text) if not (unicodedata.combining(c) and ord(c) < 0x3000)
    )
    return tuple(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", latin)))


@cache
def _names(concept: str) -> tuple[tuple[str, ...], ...]:
    return tuple(words(name) for name in NAMES[concept].split("|"))


@cache
def name_score(concept: str, name: str, context: str = "") -> float:
    """How surely a field of this name is of the concept: 1 for a name of the list (later ones a little less), less where it
    has other words too. `context`: what it is nested in."""
    said = tuple(w for w in words(name) if w not in _FILLERS) or words(name)
    if _NEVER.get(concept, set()) & set(said):
        return 0.0
    best = _against(concept, said)
    if context and (within := tuple(w for w in words(f"{context} {name}") if w not in _FILLERS)) != said:
        best = max(best, _against(concept, within))
    return best


def _against(concept: str, said: tuple[str, ...]) -> float:
    best, listed = 0.0, _names(concept)
    whole = "".join(said)
    for rank, name in enumerate(listed):
        early = 1 - 0.15 * rank / len(listed)
        plain = tuple(w for w in name if w not in _FILLERS) or name
        if said == plain or whole == "".join(plain):
            best = max(best, early)
        elif whole and not name[0].isascii() and (joined := "".join(name)) in whole and len(joined) > 1:
            best = max(best, early * (0.6 + 0.3 * len(joined) / len(whole)))
        elif set(plain) < set(said):
            best = max(best, early * (0.45 + 0.4 * len(plain) / len(said)))
    return best


def file_score(table: str, name: str) -> float:
    """1 where files of this name feed the table, as far as names say."""
    said = words(name)
    whole = "".join(said)
    for known in FILES[table].split("|"):
        parts = words(known)
        if (
            set(parts) <= set(said)
            or (not known.isascii() and known in name)
            or (len(whole) > 5 and whole == "".join(parts))
        ):
            return 1.0
    return 0.0


def event_type(name: str) -> str | None:
    plain = re.sub(r"[^\w]+", "_", name.lower()).strip("_")
    return next((kind for kind, known in EVENTS.items() if plain in known.split("|")), None)
