"""Nouns of the domain: frozen dataclasses, standard library only."""
