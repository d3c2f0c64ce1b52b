"""Mobile IPv6 above the kernel: tokens, acceptance of messages, and what nodes keep."""
