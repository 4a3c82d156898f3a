"""Visits while they happen: scored, where what a visit is (`behaviour`) meets the model of one (`intent`), and answered
with new offers (`recommend`)."""
