"""The findings of spec/findings.md as data, and how each is reproduced on a kernel."""
