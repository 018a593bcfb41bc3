"""Readers of data sets: each turns a folder or an annotation file into a list of `Video`."""
