"""Drift and monitors: what a look finds, how often it alarms without a cause, and what it costs."""
