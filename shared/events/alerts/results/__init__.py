"""Results of other monitoring tools, one file per tool."""
