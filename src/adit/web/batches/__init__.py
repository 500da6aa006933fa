"""A spreadsheet in, a proven result out: pages for batch queries and batch transfers."""
