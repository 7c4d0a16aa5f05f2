"""What Claude talks to: one endpoint, one tool."""
