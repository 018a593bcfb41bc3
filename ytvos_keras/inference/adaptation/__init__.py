"""Online learning: adapt a model to the objects of one video (section 4.3 of the paper)."""
