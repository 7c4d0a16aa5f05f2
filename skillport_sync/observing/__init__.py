"""What the service says of itself to machines: counts, metrics, spans. Never a person, a skill or a path."""
