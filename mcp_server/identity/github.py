"""Owns a sign-in with GitHub, github.com or an Enterprise Server: OAuth with PKCE, then the API with the person's own token.

https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps. GitHub signs nothing, so who somebody is
counts only because this service asked GitHub itself, with a token that GitHub gave for this sign-in's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mcp_server.identity import callback
from mcp_server.identity.client import ProviderClient
from mcp_server.identity.github_api import GitHubApi, Membership
from mcp_server.identity.membership import Memberships
from mcp_server.identity.provider import Identity, Refused, Upstream
from mcp_server.identity.transport import Transport
from mcp_server.identity.witness import Witness
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.config.secret import Secret
from skillport_sync.ports import Clock

WEB_URL: Final = "https://github.com"
API_URL: Final = "https://api.github.com"
NAME: Final = "github"

_SCOPE: Final = "read:org user:email"


def api_url_of(base_url: str) -> str:
    """Where the API of the GitHub at this address is: https://docs.github.com/enterprise-server/rest/quickstart."""
    return API_URL if base_url == WEB_URL else f"{base_url}/api/v3"


class GitHubProvider:
    """GitHub, for active members of ``organizations``; for every account there is when they are empty.

    ``witness`` is the service's own account here, as which a person's membership is looked at again.
    """

    name = NAME
    preset = NAME

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        client_id: str,
        client_secret: Secret | None,
        organizations: tuple[str, ...],
        base_url: str = WEB_URL,
        api_url: str = API_URL,
        witness: Witness | None = None,
    ) -> None:
        self._transport = transport
        self._client = ProviderClient(transport, client_id, client_secret)
        self._organizations = organizations
        self._base_url = base_url
        self._api = GitHubApi(transport, api_url)
        self._memberships = None
        if witness is not None and organizations:
            self._memberships = Memberships(self._api, organizations, witness, clock)

    @property
    def title(self) -> str:
        return self._transport.title

    async def authorization_url(self, upstream: Upstream, redirect_uri: str) -> str:
        return self._client.authorization_url(
            f"{self._base_url}/login/oauth/authorize",
            upstream,
            redirect_uri,
            scope=_SCOPE,
            extra={"prompt": "select_account"},
        )

    async def identify(
        self, parameters: Mapping[str, str], upstream: Upstream, redirect_uri: str
    ) -> Identity | Refused:
        answer = callback.read(parameters, state=upstream.state, title=self.title)
        if isinstance(answer, Refused):
            return answer
        tokens = await self._client.trade(
            f"{self._base_url}/login/oauth/access_token",
            answer.code,
            upstream,
            redirect_uri,
            shown_by="client_secret_post",
        )
        if isinstance(tokens, Refused):
            return tokens
        authorization = f"Bearer {tokens.access_token}"
        account = await self._api.myself(authorization)
        joined = await self._joined(authorization)
        if isinstance(joined, Refused):
            return joined
        return Identity(
            Principal(
                PrincipalId(f"{NAME}:{account.id}"),
                account.name,
                await self._api.verified_email(authorization),
                claims=frozenset(("organization", organization) for organization in joined),
            ),
            NAME,
        )

    async def still_allowed(self, principal: Principal) -> bool | None:
        name, _, account_id = principal.id.partition(":")
        if name != NAME or not account_id.isdecimal() or self._memberships is None:
            return None
        return await self._memberships.includes(int(account_id))

    async def _joined(self, authorization: str) -> list[str] | Refused:
        """The allowed organisations that the person is active in; refused when that is none of them."""
        found = {each: await self._api.my_membership(each, authorization) for each in self._organizations}
        joined = [organization for organization, membership in found.items() if membership is Membership.ACTIVE]
        if joined or not self._organizations:
            return joined
        if Membership.HIDDEN in found.values():
            return Refused(
                "organization_hidden",
                "GitHub does not tell this service whether you belong to the organisation. Sign in to the organisation's "
                "single sign-on first, or have an owner approve this application there, and start again from your client.",
            )
        return Refused(
            "organization_not_allowed",
            "This GitHub account is not an active member of an organisation that may sign in here. Accept the invitation if "
            "there is one, or choose another account, and start again from your client.",
        )
