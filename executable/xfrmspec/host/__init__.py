"""One node: what its two loops do with octets, and what that does to its tables."""
