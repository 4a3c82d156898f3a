"""The job `decide`: who gets what. Each part reads what it needs, writes its tables, and says what is worth reading; a part
whose tables are not there says nothing."""

from onecart.context import Context, Result
from onecart.decide.campaigns.write import write_campaigns
from onecart.decide.content.write import write_content_choice
from onecart.decide.policies.candidate import write_policy_candidates
from onecart.decide.routing.table import write_ticket_routing
from onecart.decide.segmentation.write import write_segments
from onecart.decide.uplift.write import write_uplift_scores

PARTS = (
    write_segments,
    write_uplift_scores,
    write_campaigns,
    write_policy_candidates,
    write_content_choice,
    write_ticket_routing,
)


def run(ctx: Context) -> Result:
    """Runs the parts in their order; needs gold.customer_profile."""
    ctx.require_rows("gold.customer_profile")
    words = [part(ctx) for part in PARTS]
    return Result(
        rows_in=ctx.lake.count("gold.customer_profile"),
        rows_out=ctx.lake.count("gold.segments"),
        headline="; ".join(filter(None, words)),
    )
