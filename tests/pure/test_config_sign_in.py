"""Who may sign in is configured in tables that cannot be misread: what would let in everybody by accident is no configuration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillport_sync.config import ConfigInvalid, OAuthSettings, ProviderSettings, Settings, explain, load
from skillport_sync.config.auth_tables import RESERVED

MINIMAL = '[[marketplaces]]\nrepository = "acme/skills"\n'
SECRET = "client_secret_file = 'secret'\n"
GOOGLE = f"[[auth.providers]]\npreset = 'google'\nclient_id = 'us'\n{SECRET}"
GITHUB = f"[[auth.providers]]\npreset = 'github'\nclient_id = 'us'\n{SECRET}"
MICROSOFT = "[[auth.providers]]\npreset = 'microsoft'\nclient_id = 'us'\n"
OIDC = "[[auth.providers]]\npreset = 'oidc'\nclient_id = 'us'\nissuer = 'https://login.acme.example'\n"
TENANT = "0A0A0A0A-1111-4222-8333-444455556666"


def read(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ)


def complaints(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as raised:
        read(folder, text, **environ)
    return [str(each).removeprefix(f"{folder}/") for each in raised.value.complaints]


# --- which way people come in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "mode"),
    [
        ("", "token"),
        ("[auth]\n", "token"),
        ("[auth]\nmode = 'token'\n", "token"),
        ("[auth]\nmode = 'none'\n", "none"),
        ("[auth]\nmode = 'oauth'\n", "oauth"),
        (GITHUB + "organizations = ['acme']\n", "oauth"),
        ("[auth]\nmode = 'oauth'\n" + GITHUB + "organizations = ['acme']\n", "oauth"),
    ],
)
def test_people_sign_in_as_soon_as_there_is_somewhere_to(tmp_path: Path, auth: str, mode: str) -> None:
    assert read(tmp_path, MINIMAL + auth).auth.mode == mode


@pytest.mark.parametrize("mode", ["token", "none"])
def test_a_provider_that_nobody_would_be_sent_to_is_a_mistake(tmp_path: Path, mode: str) -> None:
    text = MINIMAL + f"[auth]\nmode = '{mode}'\n" + OIDC + "name = 'acme'\n"
    (said,) = complaints(tmp_path, text)
    assert said == f'config.toml:4: auth.mode "{mode}" asks no provider; use mode "oauth", or remove [[auth.providers]]'


def test_whoever_signs_in_from_elsewhere_needs_an_address_to_do_so(tmp_path: Path) -> None:
    anywhere = MINIMAL + "[server]\nhost = '0.0.0.0'\n" + OIDC + "name = 'acme'\n"
    (said,) = complaints(tmp_path, anywhere)
    assert "people sign in at public_url, which is missing" in said
    settings = read(tmp_path, "public_url = 'https://skills.acme.example'\n" + anywhere)
    assert settings.base_url == "https://skills.acme.example"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Skills.ACME.example", "https://skills.acme.example"),
        ("https://skills.acme.example:443/", "https://skills.acme.example"),
        ("HTTPS://skills.acme.example:8443", "https://skills.acme.example:8443"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_public_url_is_spelled_as_every_client_spells_it(tmp_path: Path, written: str, meant: str) -> None:
    assert read(tmp_path, f"public_url = '{written}'\n" + MINIMAL).base_url == meant


def test_public_url_is_ascii(tmp_path: Path) -> None:
    (said,) = complaints(tmp_path, "public_url = 'https://bücher.example'\n" + MINIMAL)
    assert (
        said
        == "config.toml:1: public_url must be ASCII: write the host as browsers send it, such as https://xn--bcher-kva.example"
    )


# --- what is read -------------------------------------------------------------------------------------------------------------


def test_every_lifetime_has_a_default_that_clients_can_live_with(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL).auth.oauth == OAuthSettings(
        access_token_s=3600,
        refresh_idle=timedelta(days=30),
        grant=timedelta(days=90),
        refresh_window_s=60,
        code_s=60,
        transaction_s=600,
        redirect_hosts=(),
        cimd_hosts=(),
        registration=True,
    )


BOUNDS = {
    "access_token_s": (900, 86_400),
    "refresh_token_idle_days": (1, 90),
    "grant_days": (1, 365),
    "refresh_window_s": (0, 1800),
    "code_s": (10, 300),
    "transaction_s": (60, 1800),
    "audit_days": (1, 3650),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(key=st.sampled_from(sorted(BOUNDS)), value=st.integers(-(10**6), 10**6))
def test_lifetimes_stay_within_what_is_safe(tmp_path: Path, key: str, value: int) -> None:
    low, high = BOUNDS[key]
    text = MINIMAL + f"[auth]\n{key} = {value}\n"
    if low <= value <= high:
        assert explained(read(tmp_path, text))[f"auth.{key}"] == value
        return
    (said,) = complaints(tmp_path, text)
    assert said.startswith(f"config.toml:4: auth.{key} must be at {'least' if value < low else 'most'} ")


def explained(read: Settings) -> dict[str, object]:
    return {row.key: row.value for row in explain(read)}


def test_several_providers_are_kept_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "public_url = 'https://skills.acme.example'\n"
        + MINIMAL
        + (MICROSOFT + f"tenants = ['{TENANT}']\n")
        + (OIDC + "name = 'acme'\ntitle = 'Acme'\ngroups_claim = 'roles'\nkeep_claims = ['team']\n")
        + (GOOGLE + "hosted_domains = ['Acme.Example']\n")
        + (GITHUB + "organizations = ['acme']\nbase_url = 'https://git.acme.example/'\n")
    )
    assert read(tmp_path, text).auth.providers == (
        ProviderSettings(preset="microsoft", name="microsoft", client_id="us", tenants=(TENANT.lower(),)),
        ProviderSettings(
            preset="oidc",
            name="acme",
            title="Acme",
            client_id="us",
            issuer="https://login.acme.example",
            groups_claim="roles",
            keep_claims=("team",),
        ),
        ProviderSettings(
            preset="google",
            name="google",
            client_id="us",
            client_secret_file=tmp_path / "secret",
            hosted_domains=("acme.example",),
        ),
        ProviderSettings(
            preset="github",
            name="github",
            client_id="us",
            client_secret_file=tmp_path / "secret",
            organizations=("acme",),
            base_url="https://git.acme.example",
        ),
    )


def test_an_issuer_is_kept_as_it_was_written(tmp_path: Path) -> None:
    text = MINIMAL + OIDC.replace("acme.example'", "acme.example/'") + "name = 'acme'\n"
    assert read(tmp_path, text).auth.providers[0].issuer == "https://login.acme.example/"


def test_a_provider_can_be_configured_by_environment(tmp_path: Path) -> None:
    environ = {
        "PRESET": "github",
        "CLIENT_ID": "us",
        "CLIENT_SECRET_FILE": "/run/secrets/github",
        "ANYONE": "true",
    }
    named = {f"SKILLPORT_AUTH__PROVIDERS__0__{key}": value for key, value in environ.items()}
    (provider,) = read(tmp_path, MINIMAL, **named).auth.providers
    assert (provider.name, provider.anyone, provider.client_secret_file) == (
        "github",
        True,
        Path("/run/secrets/github"),
    )
    assert read(tmp_path, MINIMAL, SKILLPORT_AUTH__REGISTRATION="No").auth.oauth.registration is False
    (said,) = complaints(tmp_path, MINIMAL, SKILLPORT_AUTH__REGISTRATION="perhaps")
    assert "auth.registration must be true or false" in said


def test_what_is_shown_holds_no_secret_and_says_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush-hush")
    rows = explain(read(tmp_path, MINIMAL + GITHUB + "organizations = ['acme']\n"))
    shown = {row.key: (row.value, row.source.removeprefix(f"{tmp_path}/")) for row in rows}
    assert shown["auth.mode"] == ("oauth", "default")
    assert shown["auth.providers[0].preset"] == ("github", "config.toml:4")
    assert shown["auth.providers[0].name"] == ("github", "default")
    assert shown["auth.providers[0].client_secret_file"] == (str(tmp_path / "secret"), "config.toml:6")
    assert "hush" not in str(rows)


# --- what is said of it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOGLE,
            'auth.providers[0] would let in everybody with an account at "google"; list your own in hosted_domains',
        ),
        (GITHUB + "organizations = []\n", "list your own in organizations, or say anyone = true"),
        (MICROSOFT, "list your own in tenants, or say anyone = true"),
        (GITHUB + "organizations = ['acme']\nanyone = true\n", "has both organizations and anyone = true"),
        (
            GOOGLE + "organizations = ['acme']\n",
            'has organizations, which is for preset "github"; this one is "google"',
        ),
        (GITHUB + "hosted_domains = ['acme.example']\n", 'has hosted_domains, which is for preset "google"'),
        (GITHUB + "name = 'ours'\nanyone = true\n", 'has name, which is for preset "oidc"'),
        (OIDC + "name = 'acme'\nanyone = true\n", 'anyone, which is for preset "google" or "microsoft" or "github"'),
        (OIDC, "needs a name"),
        (OIDC.replace("issuer", "title") + "name = 'acme'\n", "and the issuer"),
        (GITHUB.replace(SECRET, "") + "anyone = true\n", "auth.providers[0] needs client_secret_file"),
        (
            GOOGLE.replace("google", "gogle"),
            'auth.providers[0].preset must be "google", "microsoft", "github" or "oidc"',
        ),
        (GOOGLE.replace("client_id = 'us'\n", ""), "auth.providers[0].client_id is missing; add client_id = "),
        (OIDC + "name = 'Acme'\n", "auth.providers[0].name must be lower-case letters"),
        (OIDC + "name = 'acme:x'\n", "auth.providers[0].name must be lower-case letters"),
        (MICROSOFT + "tenants = ['acme.onmicrosoft.com']\n", "auth.providers[0].tenants[0] must be a directory's id"),
        (GOOGLE + "hosted_domains = ['@acme.example']\n", "hosted_domains[0] must be a domain alone"),
        (GOOGLE + "hosted_domains = ['*']\n", "hosted_domains[0] must be a domain alone"),
        (GITHUB + "organizations = ['https://github.com/acme']\n", "organizations[0] must be the organisation's name"),
        (OIDC.replace("https", "http") + "name = 'acme'\n", "auth.providers[0].issuer must begin with https://"),
        (OIDC.replace("https://", "") + "name = 'acme'\n", "auth.providers[0].issuer must be a URL"),
        (OIDC + "name = 'acme'\ntitel = 'Acme'\n", 'unknown key "titel" in [auth.providers[0]]; did you mean "title"?'),
        (
            "[auth]\nissuer = 'https://login.acme.example'\n",
            'unknown key "issuer" in [auth]; it belongs in [[auth.providers]]',
        ),
        ("[auth]\nredirect_hosts = ['https://app.example']\n", "auth.redirect_hosts[0] must be a domain alone"),
        ("[auth]\nregistration = 'yes'\n", "auth.registration must be true or false"),
    ],
)
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str, said: str) -> None:
    (complaint,) = complaints(tmp_path, MINIMAL + text)
    assert said in complaint


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_no_provider_gives_its_people_the_ids_of_another(tmp_path: Path, name: str) -> None:
    (said,) = complaints(tmp_path, MINIMAL + OIDC + f"name = '{name}'\n")
    assert said == f'config.toml:7: auth.providers[0].name must be a name of its own: "{name}" has a meaning already'


@pytest.mark.parametrize(
    ("twice", "what_to_do"),
    [
        (OIDC + "name = 'acme'\n", "; keep one of them, or give one another name"),
        (GITHUB + "anyone = true\n", "; keep one of them"),
    ],
)
def test_two_providers_with_the_same_people_are_refused(tmp_path: Path, twice: str, what_to_do: str) -> None:
    (said,) = complaints(tmp_path, MINIMAL + twice + twice)
    assert said.endswith(f"auth.providers[1] and auth.providers[0] would give their people the same ids{what_to_do}")


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (GOOGLE.replace(SECRET, "client_secret = 'hush-hush'\n") + "hosted_domains = ['acme.example']\n", {}),
        (GOOGLE.replace("'secret'", "'GOCSPX-hushhushhushhush'") + "hosted_domains = ['acme.example']\n", {}),
        (GOOGLE.replace("'us'", "'GOCSPX-hushhushhushhush'") + "hosted_domains = ['acme.example']\n", {}),
        ("", {"SKILLPORT_AUTH__PROVIDERS__0__CLIENT_SECRET": "hush-hush"}),
    ],
)
def test_a_client_secret_in_the_wrong_place_is_sent_to_a_file_and_not_repeated(
    tmp_path: Path, text: str, environ: dict[str, str]
) -> None:
    said = " ".join(complaints(tmp_path, MINIMAL + text, **environ))
    assert "chmod 600" in said
    assert "hush" not in said
