"""A small interpreter of the Kusto query language: tokens, syntax, and column-wise evaluation."""
