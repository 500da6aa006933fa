"""Finding studies on a server and sending them on."""
