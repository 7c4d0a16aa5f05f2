"""GitHub's REST API as typed facts: ``client.GitHub`` asks, ``wire`` reads the answers. Knows nothing of what they are for."""
