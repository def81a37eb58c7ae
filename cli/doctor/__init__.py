"""`vigia doctor`: whether everything that a policy names is there."""
