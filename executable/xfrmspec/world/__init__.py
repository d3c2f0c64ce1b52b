"""Many nodes, the links between them, and a network that loses, delays, copies and reorders."""
