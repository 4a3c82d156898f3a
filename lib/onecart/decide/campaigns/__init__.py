"""Campaigns: who is contacted, by which channel, with which offer, when, and who is held back to compare with."""
