"""Find faults in data sets, and repair those that can be repaired without guessing."""
