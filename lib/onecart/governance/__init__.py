"""What may be done with data: consent, pseudonyms, suppression, and what leaves the lake."""
