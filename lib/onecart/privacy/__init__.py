"""A person's rights over their data: erasure with a certificate, and access. Stands over the rooms, as the front door does."""
