"""Data sets on disk: their folders, their lists, and what is made of them."""
