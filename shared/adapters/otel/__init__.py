"""OpenTelemetry: log lines, spans and metrics on their way out."""
