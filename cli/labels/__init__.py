"""`vigia labels`: requests for labels as tasks of labelling tools, and what those export as answers."""
