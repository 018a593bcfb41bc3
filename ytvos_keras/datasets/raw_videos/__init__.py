"""Raw videos to clips ready for annotation (section 3 of the paper)."""
