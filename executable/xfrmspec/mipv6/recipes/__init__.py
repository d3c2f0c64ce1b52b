"""Recipes: which policies, states, tunnels and proxies a stage of a daemon asks of its kernel."""
