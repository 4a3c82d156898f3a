"""How good a model is, whether its probabilities mean what they say, and for whom."""
