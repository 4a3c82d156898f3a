"""What was set aside: looked at, corrected, and judged again."""
