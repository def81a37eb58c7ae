"""`vigia policy` and `vigia gates`: look at policies before they count."""
