"""What jobs are for, and the secret that makes their pseudonyms."""
