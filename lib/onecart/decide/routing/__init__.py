"""Service routing: which ticket comes first, and which agent answers it."""
