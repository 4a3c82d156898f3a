"""What the writers of support tickets want, and how soon."""
