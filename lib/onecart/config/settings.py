"""All sections of the settings in one tree."""

from datetime import date

from onecart.config.sections.behaviour import Behaviour
from onecart.config.sections.channels.settings import Samples, Source, Stream
from onecart.config.sections.decide.settings import Decide
from onecart.config.sections.forecast import Forecast
from onecart.config.sections.identity import Identity
from onecart.config.sections.intent import Intent, Live
from onecart.config.sections.lake import Lake, Models, Report, Spark
from onecart.config.sections.measure import Measure
from onecart.config.sections.privacy import Privacy
from onecart.config.sections.profile import Profile
from onecart.config.sections.quality import Quality
from onecart.config.sections.recommend import Recommend
from onecart.config.sections.section import Section
from onecart.config.sections.shop import Shop
from onecart.config.sections.voice import Voice


class Settings(Section):
    """All settings of OneCart; `onecart config` prints them with their origin."""

    seed: int = 7
    as_of: date | None = None  # the day decisions are made for; None: the day after the last order
    landing: str | None = None  # the landing zone; None: <lake.root>/landing
    shop: Shop = Shop()
    lake: Lake = Lake()
    spark: Spark = Spark()
    channels: dict[str, Source | None] = {}  # null: the retailer has no such feed
    stream: Stream = Stream()
    samples: Samples = Samples()
    quality: Quality = Quality()
    identity: Identity = Identity()
    profile: Profile = Profile()
    behaviour: Behaviour = Behaviour()
    models: Models = Models()
    intent: Intent = Intent()
    live: Live = Live()
    recommend: Recommend = Recommend()
    forecast: Forecast = Forecast()
    voice: Voice = Voice()
    decide: Decide = Decide()
    measure: Measure = Measure()
    report: Report = Report()
    privacy: Privacy = Privacy()

    @property
    def sources(self) -> dict[str, Source]:
        """The feeds that are not switched off."""
        return {name: source for name, source in self.channels.items() if source is not None}

    @property
    def connectors(self) -> set[str]:
        """What Spark needs to read the feeds, of jars.CONNECTORS."""
        return set[str]().union(*(source.connectors for source in self.sources.values()))

    @property
    def landing_root(self) -> str:
        return self.landing or f"{self.lake.root.rstrip('/')}/landing"
