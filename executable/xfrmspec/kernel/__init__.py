"""A real kernel as a second implementation of the rules: netlink, guests, namespaces, campaigns."""
