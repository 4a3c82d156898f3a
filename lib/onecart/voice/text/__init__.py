"""Texts before anything is learned from them: cleaned, masked, cut, told apart by language, turned into vectors."""
