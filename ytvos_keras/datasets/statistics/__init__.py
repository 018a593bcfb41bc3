"""Statistics of data sets: the columns of the paper's Table 1, and plots."""
