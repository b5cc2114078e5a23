"""Who is at work: the user of the operating system and the machine, as the audit log names them."""

import getpass
import socket


def system_user() -> str:
    """`user@machine`; a user without a name (a container's number) is its number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        import os

        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
