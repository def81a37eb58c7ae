"""What is wrong with a query."""

from __future__ import annotations


class KqlError(Exception):
    """A query that can't be answered; the message is meant for its author."""


class KqlSyntaxError(KqlError):
    """The text is not a query of the part of the language that is known here."""


class KqlSemanticError(KqlError):
    """A query that reads well but names something unknown or mixes types."""
