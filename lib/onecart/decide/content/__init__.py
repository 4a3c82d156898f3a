"""What is shown where: bandits that learn from what customers answer, with the probability of each choice on record."""
