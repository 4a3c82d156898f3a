"""Which aspects of goods and service a text speaks of, and how."""
