"""The authorization server towards MCP clients: OAuth 2.1, federated to the company's identity provider."""
