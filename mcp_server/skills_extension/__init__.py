"""Skills over MCP (SEP-2640): every skill a person may read as resources, with a manifest to check them by."""

from mcp_server.skills_extension.extension import SkillsExtension

__all__ = ["SkillsExtension"]
