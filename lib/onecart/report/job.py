"""Job `report`: one self-contained HTML page from the tables as they are, and CSV exports of the decisions."""

from contextlib import closing
from pathlib import Path

from onecart.config import is_local
from onecart.context import Context, Result
from onecart.errors import OneCartError
from onecart.lake.files import hadoop
from onecart.report import page, summary
from onecart.report.sections import SECTIONS

EXPORTS = {  # table -> what it leaves the lake for, and which of its rows (`as_of`: the run's day); None: all
    "gold.segments": ("marketing", None),
    # Who is held back stays in the lake, and nobody is contacted again for a plan of another day.
    "gold.campaign_audience": ("marketing", "arm = 'treated' AND as_of = DATE'{as_of}'"),
    "gold.recommendations": ("profiling", None),
    "gold.intent_scores": ("profiling", None),
    "gold.demand_forecast": ("operations", None),
}


def run(ctx: Context) -> Result:
    """Writes the page and the exports. rows_in: sections tried; rows_out: sections with something to show."""
    sections = {section.title: page.cards(*section.cards(ctx)) for section in SECTIONS}
    shown = {title: body for title, body in sections.items() if body}
    note = summary.note(ctx, [title for title in sections if title not in shown])
    path = ctx.settings.report.path or f"{ctx.lake.root}/report.html"
    write_text(ctx, path, page.page(ctx.as_of().isoformat(), summary.tiles(ctx), shown, note))
    for name, (purpose, where) in EXPORTS.items():
        if ctx.lake.exists(name):
            ctx.lake.export(name, purpose, where=where and where.format(as_of=ctx.as_of()))
    return Result(rows_in=len(sections), rows_out=len(shown), headline=path)


def write_text(ctx: Context, path: str, text: str) -> None:
    """Writes one file, on any file system that Spark reaches."""
    if is_local(path):
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
        except OSError as e:
            raise OneCartError(
                f"cannot write the report {path}: {e.strerror}; give another with --set report.path=FILE"
            ) from e
        return
    fs, target = hadoop(ctx.spark, path)
    with closing(fs.create(target, True)) as stream:
        stream.write(bytearray(text, "utf-8"))
