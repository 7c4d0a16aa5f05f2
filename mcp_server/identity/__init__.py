"""Signing people in at the company's identity provider: Google, Microsoft Entra, GitHub, or any OpenID provider."""
