"""The three configuration interfaces as commands: netlink, PF_KEY with the KAME extension, socket option."""
