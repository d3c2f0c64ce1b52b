"""Sixteen attacks on Mobile IPv6, each with the defence that keeps it out."""
