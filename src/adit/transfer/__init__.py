"""What is to be moved, how it is moved, and whether it arrived: no Django (floor 3)."""
