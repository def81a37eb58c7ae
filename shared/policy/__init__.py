"""Policies: their schema, strict loading, and the pure decision what to do about a fact."""
