"""Sample files as pandas frames, and a Parquet copy of the invoices, which Spark cannot read in their xz form."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from onecart.samples.datasets.catalogue import CATALOGUE
from onecart.samples.datasets.fetch import fetch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Columns of online_retail.csv.xz in file order -> ours.
_RETAIL = {
    "Invoice": "invoice",
    "StockCode": "stock_code",
    "Description": "description",
    "Quantity": "quantity",
    "InvoiceDate": "invoice_date",
    "Price": "price",
    "Customer ID": "customer_id",
    "Country": "country",
}

# The sentences carry no product; the reviews are in the order of Hu & Liu (2004), product after product. Review ids up
# to and with the number belong to the product; the limits were read off the texts (each names its product or rivals).
_PRODUCTS = (
    (98, "Apex AD2600 DVD player"),
    (142, "Canon PowerShot G3 camera"),
    (175, "Nikon Coolpix 4300 camera"),
    (215, "Nokia 6610 phone"),
    (309, "Creative Nomad Jukebox Zen Xtra MP3 player"),
)


def online_retail_parquet() -> Path:
    """Online Retail II, every invoice line, as one Parquet file next to the download; made the first time (seconds).

    Key `line_no` (long, 0-based, file order). Then invoice, stock_code, description (string), quantity (int, pieces),
    invoice_date (timestamp: the file's wall clock labelled UTC, as it names no time zone), price (decimal(12,3), pounds
    sterling a piece), customer_id (string without the file's '.0', null where empty), country. Texts keep the file's
    spaces and case.
    """
    (raw,) = fetch("online-retail")
    target = raw.with_name("online_retail.parquet")
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix=".work-", dir=raw.parent) as tmp:
            part = Path(tmp) / target.name
            _write_retail(raw, part)
            os.replace(part, target)
    return target


def _write_retail(raw: Path, target: Path) -> None:
    """Stream the xz file into Parquet in blocks of 4 MiB of text (about 1.5 s, 270 MB of memory at the peak)."""
    import lzma

    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    types = {name: pa.string() for name in _RETAIL}
    types |= {"Quantity": pa.int32(), "InvoiceDate": pa.timestamp("s"), "Price": pa.decimal128(12, 3)}
    convert = pc.ConvertOptions(
        column_types=types, timestamp_parsers=["%m/%d/%Y %H:%M"], strings_can_be_null=True, null_values=[""]
    )
    line_no = 0
    with (
        lzma.open(raw) as source,
        pc.open_csv(source, pc.ReadOptions(block_size=1 << 22), convert_options=convert) as reader,
        pq.ParquetWriter(target, _retail_schema()) as writer,
    ):
        for batch in reader:
            writer.write_table(_retail_block(pa.Table.from_batches([batch]), line_no))
            line_no += batch.num_rows


def _retail_schema() -> pa.Schema:
    import pyarrow as pa

    typed = {"quantity": pa.int32(), "invoice_date": pa.timestamp("us", tz="UTC"), "price": pa.decimal128(12, 3)}
    fields = [("line_no", pa.int64()), *((name, typed.get(name, pa.string())) for name in _RETAIL.values())]
    return pa.schema(fields)


def _retail_block(block: pa.Table, first_line_no: int) -> pa.Table:
    """One block of the file under our names and types, its lines numbered from `first_line_no`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    block = block.rename_columns(list(_RETAIL.values()))
    at = block.schema.get_field_index("customer_id")
    block = block.set_column(at, "customer_id", pc.replace_substring_regex(block["customer_id"], r"\.0$", ""))
    numbers = pa.array(range(first_line_no, first_line_no + block.num_rows), pa.int64())
    return block.add_column(0, "line_no", numbers).cast(_retail_schema())


def amazon_reviews() -> pd.DataFrame:
    """Sentences of Amazon reviews with people's ratings (Hutto & Gilbert 2014, on the reviews of Hu & Liu 2004).

    Grain: one sentence (3,708, of 300 reviews), in file order; key `sentence_id` ("12_3": third of review "12").
    Columns: review_id, sentence_id, product, text (lower case, as in the file) and rating_mean, the mean of 20
    people's ratings from -4 (extremely negative) to 4 (extremely positive).
    """
    import pandas as pd

    sentences, _ = fetch("amazon-reviews")
    rows = [line.split("\t") for line in sentences.read_text(encoding="utf-8").splitlines()]
    frame = pd.DataFrame(rows, columns=["sentence_id", "rating_mean", "text"])
    frame["rating_mean"] = frame["rating_mean"].astype(float)
    frame["review_id"] = frame["sentence_id"].str.partition("_")[0]
    frame["product"] = frame["review_id"].astype(int).map(_product)
    return frame[["review_id", "sentence_id", "product", "text", "rating_mean"]]


def _product(review: int) -> str:
    return next(product for last, product in _PRODUCTS if review <= last)


def conversion_paths() -> pd.DataFrame:
    """10,000 paths of touches, as `measure.attribution` takes them: path (list of channels, first to last), conversions, nulls.

    Grain: one path, in file order.
    """
    import pandas as pd

    (raw,) = fetch("conversion-paths")
    rows = pd.read_csv(raw)
    touches = rows["path"].str.split(">").map(lambda path: [touch.strip() for touch in path])
    return pd.DataFrame({"path": touches, "conversions": rows["total_conversions"], "nulls": rows["total_null"]})


def open_bandit(policy: str, campaign: str) -> pd.DataFrame:
    """One log of Open Bandit, as `measure.off_policy` takes it: context (the place on the page, 1 to 3), action (the item),
    propensity (of the item at that place) and reward (1: clicked).

    Grain: one item shown, in file order, 10,000. policy: random | bts; campaign: all | men | women.
    """
    import pandas as pd

    files = dict(zip(CATALOGUE["open-bandit"].sha256, fetch("open-bandit"), strict=True))
    raw = pd.read_csv(files[f"dataset/obd/{policy}/{campaign}/{campaign}.csv"])
    names = {"position": "context", "item_id": "action", "propensity_score": "propensity", "click": "reward"}
    return raw.rename(columns=names)[[*names.values()]]


def open_bandit_prior(campaign: str) -> tuple[list[float], list[float]]:
    """Alpha and beta per item of the Beta distributions that Open Bandit's Thompson policy began with."""
    import yaml

    *_, raw = fetch("open-bandit")
    prior = yaml.safe_load(raw.read_text())[campaign]
    return prior["alpha"], prior["beta"]
