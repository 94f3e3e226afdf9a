"""Where a submitted call is carried out: threads, processes."""
