"""The pages that a person sees while signing in: a question, an answer, or what went wrong and what to do. Pure.

One column of text, system fonts, one accent colour, light and dark. No script, no picture, no request for anything: each page is
whole, and its headers forbid the rest. Send them with ``PAGE_HEADERS``.
"""

from mcp_server.oauth.pages.consent import ConsentPage as ConsentPage
from mcp_server.oauth.pages.consent import consent as consent
from mcp_server.oauth.pages.frame import PAGE_HEADERS as PAGE_HEADERS
from mcp_server.oauth.pages.outcomes import ConnectedPage as ConnectedPage
from mcp_server.oauth.pages.outcomes import ProblemPage as ProblemPage
from mcp_server.oauth.pages.outcomes import connected as connected
from mcp_server.oauth.pages.outcomes import problem as problem
