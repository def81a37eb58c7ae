"""The demo: the whole loop on real flights, narrated while it happens."""
