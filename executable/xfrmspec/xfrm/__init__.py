"""The XFRM rules as pure functions: match, store, look up, pair, resolve, sort, check."""
