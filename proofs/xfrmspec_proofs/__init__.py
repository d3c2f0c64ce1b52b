"""Theorems about every configuration, and checks of yours."""
