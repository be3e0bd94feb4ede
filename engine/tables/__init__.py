"""Generated tables: made by scripts on a real server, never by hand."""
