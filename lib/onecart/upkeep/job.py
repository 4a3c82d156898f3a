"""Job `upkeep`: compacts every table's small files and vacuums what no version within the retention needs."""

from onecart.context import Context, Result


def run(ctx: Context) -> Result:
    """rows_in, rows_out: tables looked at and tended."""
    names = ctx.lake.names()
    removed = 0
    for name in names:
        removed += ctx.lake.optimize(name)
        ctx.lake.vacuum(name, ctx.settings.lake.retention_hours)
    kept = f"history kept {ctx.settings.lake.retention_hours} h"
    return Result(rows_in=len(names), rows_out=len(names), headline=f"{removed} small files compacted, {kept}")
