"""The real kernel as the judge."""
