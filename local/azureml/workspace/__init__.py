"""The workspace itself, its computes and datastores, and what must exist in it."""
