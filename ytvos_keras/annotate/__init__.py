"""`ytvos-annotate`: a local page for drawing, propagating, correcting and exporting masks."""
