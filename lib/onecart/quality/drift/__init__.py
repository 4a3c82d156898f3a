"""What breaks no rule and is another thing than before: shares of nulls, fields, volumes."""
