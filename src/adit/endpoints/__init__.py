"""Places that instances come from and go to: sockets and files, no Django (floor 2)."""
