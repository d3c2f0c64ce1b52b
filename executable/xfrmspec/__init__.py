"""The executable reference of Linux XFRM: what the kernel decides, and why."""
