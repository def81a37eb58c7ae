"""The demo: the whole loop on real flights, told while it happens."""
