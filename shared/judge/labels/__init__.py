"""Judgements by labels that arrive: A/B outcomes and the quality of answers."""
