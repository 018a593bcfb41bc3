"""Records: the TFRecord files that training reads, their schema, index and writer."""
