"""Read files of events into checked rows."""
