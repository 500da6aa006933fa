"""Our upper layer of PS3.8 and the message exchange of PS3.7 (floor 1)."""
