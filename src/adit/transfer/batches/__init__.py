"""What the lines of a file ask for, and what is wrong with them."""
