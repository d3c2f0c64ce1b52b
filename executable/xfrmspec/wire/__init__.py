"""What a packet looks like: header chains and where transformations put their headers."""
