"""Campaigns: many random scenarios on the reference and on a kernel, and every difference made small."""
