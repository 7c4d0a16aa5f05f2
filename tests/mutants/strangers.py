"""Owns the guards against whoever is not known yet: clients that name a document, that register, that ask too often."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_OAUTH = "mcp_server/oauth"
_URLS = "pure/test_oauth_cimd.py"
_DOCUMENTS = "flows/oauth/test_cimd.py"
_FETCH = "flows/oauth/test_cimd_fetch.py"
_REGISTRATION = "flows/oauth/test_registration.py"

DOCUMENTS = (
    Mutant(
        "a document is at a plain host name",
        f"{_OAUTH}/cimd.py",
        "if not _HOST.fullmatch(host) or len(host) > 253:",
        "if not host:",
        (f"{_URLS}::test_every_other_url_may_not",),
    ),
    Mutant(
        "a document is at a plain path",
        f"{_OAUTH}/cimd.py",
        "if not _PATH.fullmatch(slash + path) or _DOTS.search(slash + path):",
        "if not path:",
        (f"{_URLS}::test_every_other_url_may_not",),
    ),
    Mutant(
        "where hosts are listed no other is read",
        f"{_OAUTH}/cimd.py",
        "if hosts and host not in hosts:",
        "if False:",
        (f"{_URLS}::test_with_a_list_of_hosts_only_theirs_may_be_read",),
    ),
    Mutant(
        "every resolved address is public",
        f"{_OAUTH}/cimd_fetch.py",
        "not all(self._is_allowed(address) for",
        "not any(self._is_allowed(address) for",
        (f"{_FETCH}::test_nobody_is_connected_to_unless_every_address_is_public",),
    ),
    Mutant(
        "a document comes from the addresses that were looked at",
        f"{_OAUTH}/cimd_fetch.py",
        "resolver=_Pinned(addresses), use_dns_cache=False",
        "use_dns_cache=False",
        (f"{_FETCH}::test_a_name_is_resolved_once_and_what_it_says_later_does_not_count",),
    ),
    Mutant(
        "a document's redirect is not followed",
        f"{_OAUTH}/cimd_fetch.py",
        "allow_redirects=False",
        "allow_redirects=True",
        (f"{_FETCH}::test_a_redirect_is_not_followed",),
    ),
    Mutant(
        "a document is small",
        f"{_OAUTH}/cimd_fetch.py",
        "if len(body) > MAX_BYTES:",
        "if False:",
        (f"{_FETCH}::test_what_is_no_small_json_document_is_not_read",),
    ),
    Mutant(
        "a document is fetched in five seconds or not",
        f"{_OAUTH}/cimd_fetch.py",
        "async with asyncio.timeout(self._timeout_s), self._turns:",
        "async with self._turns:",
        (f"{_FETCH}::test_a_host_that_stops_in_the_middle_is_cut_off",),
    ),
    Mutant(
        "a document is fetched over verified TLS",
        f"{_OAUTH}/cimd_fetch.py",
        "ssl=self._tls",
        "ssl=False",
        (f"{_FETCH}::test_a_certificate_for_another_name_or_by_nobody_known_is_refused",),
    ),
    Mutant(
        "addresses on the deny list are not public",
        f"{_OAUTH}/public_addresses.py",
        "return address.is_global and not any(address in network for network in _DENIED)",
        "return address.is_global",
        (f"{_URLS}::test_an_address_that_is_not_on_the_public_internet_is_known_as_such",),
    ),
    Mutant(
        "IPv4 in the disguise of IPv6 is not public",
        f"{_OAUTH}/public_addresses.py",
        "if isinstance(address, IPv6Address) and address not in _UNICAST:",
        "if False:",
        (f"{_URLS}::test_an_address_that_is_not_on_the_public_internet_is_known_as_such",),
    ),
    Mutant(
        "a document names its own address",
        f"{_OAUTH}/client_metadata.py",
        'if said.get("client_id") != url:',
        "if False:",
        ("pure/test_oauth_client_metadata.py::test_a_document_says_its_own_address_and_has_no_secret",),
    ),
    Mutant(
        "made-up documents of a host are slowed down",
        f"{_OAUTH}/cimd.py",
        "if self._rates.take(url if is_known else host_of(url)):",
        "if False:",
        (f"{_DOCUMENTS}::test_made_up_addresses_of_a_host_are_slowed_down_and_the_real_one_is_not",),
    ),
)

REGISTRATIONS = (
    Mutant(
        "registrations are slowed down",
        f"{_OAUTH}/registration.py",
        "if wait_s := self._turns.wait_s(request):",
        "if wait_s := 0:",
        (f"{_REGISTRATION}::test_a_flood_is_slowed_down_and_leaves_those_signed_in_untouched",),
    ),
    Mutant(
        "clients that nobody signed in through are bounded",
        f"{_OAUTH}/registration.py",
        ", unapproved_limit=limit",
        "",
        (f"{_REGISTRATION}::test_clients_nobody_signed_in_through_are_bounded_and_those_in_use_stay",),
    ),
    Mutant(
        "an address where nobody may be sent is not registered",
        f"{_OAUTH}/client_metadata.py",
        "        if isinstance(checked, Unfit):\n",
        "        if False:\n",
        (f"{_REGISTRATION}::test_an_address_where_nobody_may_be_sent_is_refused",),
    ),
    Mutant(
        "sign-ins are slowed down",
        f"{_OAUTH}/authorize.py",
        "if wait_s := self._turns.wait_s(request):",
        "if wait_s := 0:",
        ("flows/oauth/test_authorize.py::test_a_flood_of_sign_ins_is_slowed_down_and_passes",),
    ),
    Mutant(
        "X-Forwarded-For is believed from trusted proxies only",
        "mcp_server/peers.py",
        "while hops and any(address in network for network in trusted_proxies):",
        "while hops:",
        ("pure/test_peers.py::test_senders_are_counted_by_address_and_only_trusted_proxies_are_believed",),
    ),
)

STRANGERS = (*DOCUMENTS, *REGISTRATIONS)
