"""Cut raw videos into clips ready for annotation (section 3 of the paper)."""
