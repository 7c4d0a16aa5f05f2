"""Owns the OpenID dialects of the stand-in: discovery, keys, tokens and userinfo, each where its original has them.

https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from skillport_sync.standin.identity import asking, page
from skillport_sync.standin.identity.people import Person
from skillport_sync.standin.identity.signing import half_hash
from skillport_sync.standin.identity.tickets import Asked, Dialect, Given

if TYPE_CHECKING:
    from skillport_sync.standin.identity.provider import StandInIdentity

LIFETIME_S: Final = 3600
_SHARED: Final = frozenset({"organizations", "common"})
"""Entra's addresses for people of several tenants."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a dialect has what, below the stand-in's URL."""

    dialect: Dialect
    authority: str
    authorize: str
    token: str
    keys: str
    userinfo: str | None = None


OIDC: Final = Places("oidc", "", "/authorize", "/token", "/keys", "/userinfo")
GOOGLE: Final = Places("google", "/google", "/google/o/oauth2/v2/auth", "/google/token", "/google/oauth2/v3/certs")
MICROSOFT: Final = Places(
    "microsoft",
    "/entra/{tenant}/v2.0",
    "/entra/{tenant}/oauth2/v2.0/authorize",
    "/entra/{tenant}/oauth2/v2.0/token",
    "/entra/{tenant}/discovery/v2.0/keys",
)


class OpenIdDialect:
    """One OpenID provider of the stand-in's."""

    def __init__(self, identity: StandInIdentity, places: Places) -> None:
        self._identity = identity
        self._places = places

    def routes(self) -> Iterator[web.RouteDef]:
        places = self._places
        yield web.get(f"{places.authority}/.well-known/openid-configuration", self._discovery)
        yield web.get(places.authorize, self._authorize)
        yield web.post(places.token, self._token)
        yield web.get(places.keys, self._keys)
        if places.userinfo is not None:
            yield web.get(places.userinfo, self._userinfo)

    def _issuer(self, tenant: str) -> str:
        return self._at(self._places.authority, "{tenantid}" if tenant in _SHARED else tenant)

    def _at(self, path: str, tenant: str) -> str:
        return self._identity.url + path.replace("{tenant}", tenant)

    async def _discovery(self, request: web.Request) -> web.Response:
        tenant, places = request.match_info.get("tenant", ""), self._places
        document: dict[str, object] = {
            "issuer": self._issuer(tenant),
            "authorization_endpoint": self._at(places.authorize, tenant),
            "token_endpoint": self._at(places.token, tenant),
            "jwks_uri": self._at(places.keys, tenant),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none"],
            "token_endpoint_auth_methods_supported": list(self._identity.client_authentication),
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email", *self._identity.more_scopes],
        }
        if places.userinfo is not None:
            document["userinfo_endpoint"] = self._at(places.userinfo, tenant)
        if self._names_itself:
            document["authorization_response_iss_parameter_supported"] = True
        return web.json_response({**document, **self._identity.announced_instead})

    async def _keys(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"keys": [key.jwk() for key in self._identity.published_keys]})

    async def _authorize(self, request: web.Request) -> web.Response:
        identity, tenant = self._identity, request.match_info.get("tenant", "")
        asked = asking.ask(
            identity.tickets,
            request.query,
            dialect=self._places.dialect,
            issuer=self._issuer(tenant) if tenant not in _SHARED else "",
            wants_openid=True,
        )
        if isinstance(asked, web.Response):
            return asked
        return identity.asks_who(asked)

    @property
    def _names_itself(self) -> bool:
        """Entra does not."""
        return self._places.dialect != "microsoft"

    def answer(self, asked: Asked, person: Person) -> web.Response:
        """Send the person back, with a code."""
        issuer = asked.issuer or self._issuer(person.tenant)
        if self._places.dialect == "microsoft" and issuer != self._issuer(person.tenant):
            return asking.back(asked, {"error": "access_denied"})
        named = self._identity.faults.wrong_callback_issuer
        if named is None:
            named = issuer if self._names_itself else ""
        code = self._identity.tickets.code(asked, person)
        return asking.back(asked, {"code": code, **({"iss": named} if named else {})})

    async def _token(self, request: web.Request) -> web.Response:
        tickets, form = self._identity.tickets, {name: str(value) for name, value in (await request.post()).items()}
        client = asking.client_of(tickets, request, form)
        if client is None:
            return web.json_response({"error": "invalid_client"}, status=401, headers=page.HEADERS)
        if form.get("grant_type") != "authorization_code":
            return web.json_response({"error": "unsupported_grant_type"}, status=400, headers=page.HEADERS)
        found = asking.redeem(tickets, client, form)
        if found is None or found[0].dialect != self._places.dialect:
            return web.json_response({"error": "invalid_grant"}, status=400, headers=page.HEADERS)
        asked, person = found
        access_token = tickets.give(Given(person, asked.dialect, asked.scope))
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_S,
            "scope": asked.scope,
            "id_token": self._id_token(asked, person, access_token),
        }
        return web.json_response(answer, headers=page.HEADERS)

    def _id_token(self, asked: Asked, person: Person, access_token: str) -> str:
        identity = self._identity
        now = identity.now()
        said = self._said(person)
        if identity.thin_id_tokens:
            said = {"sub": said["sub"]}
        claims = {
            "iss": asked.issuer or self._issuer(person.tenant),
            "aud": asked.client_id,
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + LIFETIME_S,
            "nonce": asked.nonce,
            "at_hash": half_hash(access_token),
            **({"azp": asked.client_id} if self._places.dialect == "google" else {}),
            **said,
        }
        return identity.faults.take_spoil().token(identity.key, claims, now)

    def _said(self, person: Person) -> dict[str, object]:
        match self._places.dialect:
            case "google":
                return person.google()
            case "microsoft":
                return person.microsoft()
            case _:
                return person.openid()

    async def _userinfo(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = self._identity.tickets.given.get(token)
        if scheme != "Bearer" or given is None or given.dialect != self._places.dialect:
            return web.json_response({"error": "invalid_token"}, status=401, headers=page.HEADERS)
        return web.json_response({**self._said(given.person), **self._identity.userinfo_instead}, headers=page.HEADERS)
