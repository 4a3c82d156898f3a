"""The job `decide`: who gets what. Each part reads what it needs, writes its tables, and gives back what it decided; a part
whose tables are not there gives back nothing."""

from onecart.context import Context, Result
from onecart.decide.campaigns.write import write_campaigns
from onecart.decide.content.write import write_content_choice
from onecart.decide.decision_log import record
from onecart.decide.policies.candidate import write_policy_candidates
from onecart.decide.routing.table import write_ticket_routing
from onecart.decide.segmentation.write import write_segments
from onecart.decide.uplift.write import write_uplift_scores

PARTS = (
    write_segments,
    write_uplift_scores,
    write_content_choice,
    write_ticket_routing,
    write_campaigns,
    write_policy_candidates,
)


def run(ctx: Context) -> Result:
    """Runs the parts in their order, then writes gold.decision_log in one commit; needs gold.customer_profile."""
    ctx.require_rows("gold.customer_profile")
    parts = [part(ctx) for part in PARTS]
    record(ctx, [part.decisions for part in parts if part.decisions])
    return Result(
        rows_in=ctx.lake.count("gold.customer_profile"),
        rows_out=ctx.lake.count("gold.segments"),
        headline="; ".join([part.words for part in parts if part.words] + _later_profiles(ctx)),
    )


def _later_profiles(ctx: Context) -> list[str]:
    """What to mind where the profiles are those of a day after as_of: they know what nobody could know then."""
    row = ctx.lake.read("gold.customer_profile").select("as_of").first()
    later = row is not None and row["as_of"] > ctx.as_of()
    return [f"profiles are of {row['as_of']}, after as_of"] if row and later else []
