"""Batch endpoints, their deployments and invocations."""
