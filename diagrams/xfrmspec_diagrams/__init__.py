"""Pictures of machines, rules and configurations, drawn from plain values into plain text."""
