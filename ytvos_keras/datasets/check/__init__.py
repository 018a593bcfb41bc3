"""Find faults of data sets, and repair those that can be repaired without guessing."""
