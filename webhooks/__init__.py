"""GitHub's deliveries: ``signature`` (pure) → ``delivery`` (pure) → ``judgement`` (pure) → ``app`` (aiohttp)."""
