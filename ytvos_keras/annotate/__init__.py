"""`ytvos-annotate`: a local page on which a person draws, runs the model, corrects and exports."""
