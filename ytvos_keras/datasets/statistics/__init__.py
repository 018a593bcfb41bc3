"""How large a data set is: the columns of the paper's Table 1 for any of them, and plots."""
