"""Plans and uplift: the libraries of `decide` on rows of their own."""
