"""Who is offered what, and why."""
