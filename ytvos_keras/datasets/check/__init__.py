"""Find and list faults of data sets, and repair those that need no guessing."""
