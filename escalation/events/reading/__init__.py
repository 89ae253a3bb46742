"""From a file to checked rows."""
