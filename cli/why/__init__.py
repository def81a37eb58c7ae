"""`vigia why`: what was decided, on what, and what came of it."""
