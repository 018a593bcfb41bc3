"""Online learning: a model adapted to the objects of one video (section 4.3 of the paper)."""
