"""Data sets in folders: layouts, readers, checks, statistics, splits, and clips of raw videos."""
