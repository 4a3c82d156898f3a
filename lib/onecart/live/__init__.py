"""Visits scored while they happen: where what a visit is (`behaviour`) meets the model of one (`intent`)."""
