"""What contracts are made of."""
