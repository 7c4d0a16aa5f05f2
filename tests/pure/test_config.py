"""A configuration is read whole, complained of whole, and handed down as plain values."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.config import (
    AppKey,
    ConfigInvalid,
    Settings,
    TokenFile,
    explain,
    load,
)
from skillport_sync.config.keys import Key, keys, variable
from skillport_sync.config.origin import dotted, lines

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
MINIMAL = '[[marketplaces]]\nrepository = "acme/skills"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory where no other configuration is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nowhere"))
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str = MINIMAL, **environ: str) -> Settings:
    return load(written(folder, text), environ)


def complaints(folder: Path, text: str, **environ: str) -> list[str]:
    """What is said of this configuration, without the folder's name."""
    with pytest.raises(ConfigInvalid) as raised:
        read(folder, text, **environ)
    return [str(each).removeprefix(f"{folder}/") for each in raised.value.complaints]


# --- what is read ------------------------------------------------------------------------------------------------------------


def test_a_repository_is_all_that_a_configuration_needs(folder: Path) -> None:
    settings = read(folder)
    (marketplace,) = settings.marketplaces
    assert (marketplace.name, marketplace.repository, marketplace.branch) == ("acme/skills", "acme/skills", None)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.auth.mode == "token"
    assert settings.github.credentials is None
    assert settings.data_dir.is_absolute()


def test_the_example_loads_as_it_is(folder: Path) -> None:
    settings = load(EXAMPLE, {})
    assert settings.github.credentials == TokenFile(EXAMPLE.parent / "secrets/github-token")
    assert [each.repository for each in settings.marketplaces] == ["acme/skills"]


def documented() -> dict[tuple[str | int, ...], tuple[object, bool]]:
    """Every key that the example shows, its value, and whether it is commented out."""
    found: dict[tuple[str | int, ...], tuple[object, bool]] = {}
    table: tuple[str | int, ...] = ()
    for line in EXAMPLE.read_text("utf-8").splitlines():
        if header := re.fullmatch(r"(?:# )?(\[+)([a-z.]+)\]+", line):
            table = (*header[2].split("."), *((0,) if header[1] == "[[" else ()))
        elif shown := re.fullmatch(r"(# )?([a-z_]+) = (.+)", line):
            for name, value in tomllib.loads(f"{shown[2]} = {shown[3]}").items():
                inner = value.items() if isinstance(value, dict) else [(None, value)]
                for part, each in inner:
                    found[(*table, name) if part is None else (*table, name, part)] = (each, shown[1] is not None)
    return found


def test_the_example_shows_every_key_and_no_other() -> None:
    assert set(documented()) == set(keys())


@pytest.mark.parametrize("path", keys(), ids=str)
def test_the_example_shows_the_default_of_what_is_commented_out(path: tuple[str | int, ...]) -> None:
    value, commented = documented()[path]
    field = keys()[path].field
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if commented and default not in (None, []):
        assert value == default


def test_every_key_can_be_set_by_environment(folder: Path) -> None:
    def text(key: Key, preset: str) -> str:
        value = (key.field.examples or [key.field.default])[0]
        match key.path[-1]:
            case "webhooks_host" | "host":
                return "::1"
            case "branch" | "name" | "github":
                return "stable"
            case "format" | "level":
                return {"format": "json", "level": "debug"}[str(key.path[-1])]
            case "allowed_hosts" | "allowed_origins":
                return "a.example, b.example"
            case "mass_removal":
                return "allow"
            case "preset":
                return preset
            case "webhooks_port":
                return "8099"
        return ",".join(value) if isinstance(value, list) else str(value)

    app = {("github", "app_id"), ("github", "private_key_file"), ("github", "installation_id")}
    token = {("github", "token_file")}
    app |= {("githubs", 0, *path[1:]) for path in app}
    token |= {("githubs", 0, "token_file")}
    of_presets = {"hosted_domains", "tenants", "organizations", "name", "issuer", "base_url", "api_url"}
    for preset, kept, credential in (
        ("google", {"hosted_domains"}, app),
        ("microsoft", {"tenants", "base_url"}, token),
        ("github", {"organizations", "base_url", "api_url"}, token),
        ("oidc", {"name", "issuer"}, app),
    ):
        # Whoever lists people does not mean everybody.
        without = credential | {("auth", "providers", 0, name) for name in (of_presets - kept) | {"anyone"}}
        environ = {key.variable: text(key, preset) for path, key in keys().items() if path not in without}
        rows = {row.key: row for row in explain(load(None, environ))}
        for path, key in keys().items():
            if path not in without:
                name = dotted(path)
                assert rows[name].source == f"environment {key.variable}", name
                assert rows[name].value not in (None, []), name


def test_the_environment_wins_over_the_file(folder: Path) -> None:
    settings = read(folder, MINIMAL + "[server]\nport = 1\nhost = 'localhost'\n", SKILLPORT_SERVER__PORT="2")
    assert (settings.server.host, settings.server.port) == ("localhost", 2)


def test_an_empty_variable_sets_nothing(folder: Path) -> None:
    assert read(folder, SKILLPORT_SERVER__PORT="").server.port == 8080


def test_a_mass_removal_is_held_at_half_unless_a_marketplace_says_otherwise(folder: Path) -> None:
    text = MINIMAL + MINIMAL + "name = 'lab'\nmass_removal = 'allow'\nmax_removed_share = 1\n"
    marketplaces = read(folder, text).marketplaces
    assert [(each.mass_removal, each.max_removed_share) for each in marketplaces] == [("hold", 0.5), ("allow", 1.0)]


@pytest.mark.parametrize(
    ("listed", "meant"),
    [
        ("[]", set()),
        ("['secrets']", {"secrets"}),
        ("['hidden-unicode', 'secrets', 'secrets']", {"secrets", "hidden-unicode"}),
    ],
)
def test_quarantine_names_what_keeps_a_skill_out(folder: Path, listed: str, meant: set[str]) -> None:
    assert read(folder, MINIMAL + f"[sync]\nquarantine = {listed}\n").sync.quarantine == meant
    environ = {"SKILLPORT_SYNC__QUARANTINE": ",".join(sorted(meant))}
    assert read(folder, MINIMAL, **environ).sync.quarantine == meant


def test_marketplaces_can_be_added_and_changed_by_environment(folder: Path) -> None:
    environ = {"SKILLPORT_MARKETPLACES__0__BRANCH": "stable"}
    environ |= {f"SKILLPORT_MARKETPLACES__{n}__REPOSITORY": f"acme/number-{n}" for n in range(11, 0, -1)}
    marketplaces = read(folder, **environ).marketplaces
    assert [each.repository for each in marketplaces] == ["acme/skills", *(f"acme/number-{n}" for n in range(1, 12))]
    assert marketplaces[0].branch == "stable"


@pytest.mark.parametrize("text", ["one,two", " one , two ,", '["one", "two"]'])
def test_a_list_in_the_environment_is_commas_or_json(folder: Path, text: str) -> None:
    assert read(folder, SKILLPORT_SERVER__ALLOWED_HOSTS=text).server.allowed_hosts == ("one", "two")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SKILLPORT_PORT", "tcp://10.0.0.1:8080"),
        ("SKILLPORT_SERVICE_HOST", "10.0.0.1"),
        ("SKILLPORT_SERVICE_PORT", "8080"),
        ("SKILLPORT_SERVER_PORT", "tcp://10.0.0.1:8080"),
        ("SKILLPORT_SYNC_SERVICE_PORT_HTTP", "8080"),
        ("SKILLPORT_SYNC_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("SKILLPORT_CONNECTOR_URL", "https://skills.example.com"),
        ("SKILLPORT_CONFIG", "config.toml"),
    ],
)
def test_variables_that_only_begin_like_ours_are_left_alone(folder: Path, name: str, value: str) -> None:
    assert read(folder, **{name: value}) == read(folder)


def test_paths_count_from_the_file_and_in_the_environment_from_here(folder: Path) -> None:
    (folder / "etc").mkdir()
    text = MINIMAL + "[github]\ntoken_file = 'token'\n"
    file = folder / "etc" / "config.toml"
    file.write_text("data_dir = 'data'\n" + text)
    assert load(file, {}).data_dir == folder / "etc" / "data"
    assert load(file, {}).github.credentials == TokenFile(folder / "etc" / "token")
    assert load(file, {"SKILLPORT_GITHUB__TOKEN_FILE": "token"}).github.credentials == TokenFile(folder / "token")
    assert load(file, {"SKILLPORT_DATA_DIR": "~/data"}).data_dir == Path.home() / "data"


def test_an_app_is_read_with_its_key(folder: Path) -> None:
    settings = read(folder, MINIMAL + "[github]\napp_id = 7\nprivate_key_file = '/app.pem'\ninstallation_id = 9\n")
    assert settings.github.credentials == AppKey(7, Path("/app.pem"), 9)


def test_without_a_credential_for_it_nothing_is_written(folder: Path) -> None:
    app = "app_id = 7\nprivate_key_file = '/app.pem'\n"
    for table in ("", "token_file = '/token'\n", app, app + "write = false\n"):
        assert read(folder, MINIMAL + "[github]\n" + table).github.writing is None


def test_edits_are_written_with_a_token_of_their_own_or_as_the_app(folder: Path) -> None:
    app = "app_id = 7\nprivate_key_file = '/app.pem'\n"
    as_app = read(folder, MINIMAL + "[github]\nwrite = true\n" + app)
    assert as_app.github.writing == as_app.github.credentials == AppKey(7, Path("/app.pem"), None)
    for table in ("", app, "token_file = 'token'\n"):
        settings = read(folder, MINIMAL + "[github]\nwrite_token_file = 'write'\n" + table)
        assert settings.github.writing == TokenFile(folder / "write")
        assert settings.github.credentials != settings.github.writing
        assert {row.key: row.value for row in explain(settings)}["github.write_token_file"] == str(folder / "write")


def test_more_githubs_have_names_which_marketplaces_say(folder: Path) -> None:
    works = "[[githubs]]\nname = 'works'\napi_url = 'https://github.example.com/api/v3'\ntoken_file = 'token'\n"
    spare = "[[githubs]]\nname = 'spare'\nwebhook_secret_files = ['secret']\n"
    settings = read(folder, MINIMAL + MINIMAL + "name = 'lab'\ngithub = 'works'\n" + works + spare)
    own, lab = (settings.github_of(each) for each in settings.marketplaces)
    assert (own.name, own.api_url, own.webhook_path) == (None, "https://api.github.com", "/webhooks/github")
    assert (lab.name, lab.api_url) == ("works", "https://github.example.com/api/v3")
    assert lab.webhook_path == "/webhooks/github/works"
    assert lab.credentials == TokenFile(folder / "token")
    assert settings.githubs_in_use == (own, lab)
    assert {row.key: row.value for row in explain(settings)}["githubs[1].webhook_secret_files"] == [
        str(folder / "secret")
    ]


def test_what_marketplaces_say_of_githubs_has_to_be_there_once(folder: Path) -> None:
    works = "[[githubs]]\nname = 'works'\n"
    at_spare = MINIMAL + "github = 'spare'\n"
    assert complaints(folder, at_spare) == [
        'config.toml:3: marketplaces[0].github names no [[githubs]]. Add one with name = "spare"'
    ]
    assert complaints(folder, at_spare + works) == [
        'config.toml:3: marketplaces[0].github names no [[githubs]]; there is works. Add one with name = "spare"'
    ]
    assert complaints(folder, MINIMAL + works + works) == [
        "config.toml:5: githubs[1] and githubs[0] have the same name; give one of them another name"
    ]
    # What is missing because it was not understood is not missing.
    assert complaints(folder, MINIMAL + "github = 'works'\n" + works + "write = true\n") == [
        "config.toml:4: githubs[0] has write = true without an App; a token that may write goes into write_token_file"
    ]


@pytest.mark.parametrize("name", ["Works", "works/", "-works", "works-", "wörks", "a--b", "w" * 41])
def test_a_githubs_name_is_part_of_an_address(folder: Path, name: str) -> None:
    (complaint,) = complaints(folder, MINIMAL + f"[[githubs]]\nname = '{name}'\n")
    assert "githubs[0].name must be a short label" in complaint


def test_each_marketplace_says_what_an_edit_becomes(folder: Path) -> None:
    marketplaces = read(folder, MINIMAL + MINIMAL + "name = 'lab'\nwrite_mode = 'pull_request'\n").marketplaces
    assert [each.write_mode for each in marketplaces] == ["commit", "pull_request"]


def test_the_working_directory_is_searched_first_then_the_users_configuration(folder: Path) -> None:
    users = folder / "nowhere" / "skillport-sync"
    users.mkdir(parents=True)
    (users / "config.toml").write_text(MINIMAL)
    assert load(None, {}).origins.file == users / "config.toml"
    written(folder, MINIMAL)
    assert load(None, {}).origins.file == Path("config.toml")


# --- what is said of it ------------------------------------------------------------------------------------------------------


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file(folder: Path) -> None:
    text = """\
reconcile_interval_s = 3
[server]
host = "0.0.0.0"
port = "http"
prot = 3
[[marketplaces]]
repository = "https://github.com/acme/skills"
[[marketplaces]]
retention = { publications = 0, dayz = 3 }
[auth]
mode = "none"
[srever]
"""
    assert complaints(folder, text, SKILLPORT_SYNC__JITTER="1", SKILLPORT_SYNC__CONCURRENCY="many") == [
        'config.toml:1: unknown key "reconcile_interval_s"; it belongs in [sync]',
        "config.toml:4: server.port must be a whole number, for example port = 8080",
        'config.toml:5: unknown key "prot" in [server]; did you mean "port"?',
        'config.toml:7: marketplaces[0].repository must be "owner/name" as in the address bar, '
        "without https://github.com/ and .git",
        'config.toml:8: marketplaces[1].repository is missing; add repository = "acme/skills"',
        "config.toml:9: marketplaces[1].retention.publications must be at least 1",
        'config.toml:9: unknown key "dayz" in [marketplaces[1].retention]; did you mean "days"?',
        'config.toml:12: unknown key "srever"; did you mean "server"?',
        "environment SKILLPORT_SYNC__CONCURRENCY: sync.concurrency must be a whole number, for example concurrency = 8",
        "environment SKILLPORT_SYNC__JITTER: sets no key; did you mean SKILLPORT_SYNC__JITTER_S?",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "config.toml: no marketplace; add [[marketplaces]]"),
        (MINIMAL + "[auth]\nmode = 'basic'\n", 'config.toml:4: auth.mode must be "oauth", "token" or "none"'),
        (MINIMAL + "[auth]\nmode='none'\n[server]\nhost='0.0.0.0'\n", "server.host must be 127.0.0.1"),
        (
            "public_url='https://x.example'\n" + MINIMAL + "[auth]\nmode='none'\n",
            "which public_url offers to the world",
        ),
        ("public_url='http://x.example'\n" + MINIMAL, "config.toml:1: public_url must begin with https://"),
        ("public_url='https://x.example/skills'\n" + MINIMAL, "public_url must be without a path"),
        ("public_url='https://u:p@x.example'\n" + MINIMAL, "must not carry a user or a password"),
        ("public_url='https://x.example:port'\n" + MINIMAL, "public_url must be a URL"),
        (MINIMAL + MINIMAL, "marketplaces[1] and marketplaces[0] have the same name"),
        (MINIMAL + "branch = 'refs/heads/main'\n", "branch must be the branch's name alone"),
        (MINIMAL + "name = 'a b'\n", "name must be a short label"),
        (MINIMAL + "[github]\ntoken_file='t'\napp_id=1\nprivate_key_file='k'\n", "github has both a token and an App"),
        (MINIMAL + "[github]\napp_id=1\n", "github has app_id without private_key_file"),
        (MINIMAL + "[github]\ntoken_file='t'\nwrite=true\n", "github has write = true without an App"),
        (
            MINIMAL + "[github]\napp_id=1\nprivate_key_file='k'\nwrite=true\nwrite_token_file='t'\n",
            "github has write = true and write_token_file",
        ),
        (MINIMAL + "write_mode = 'push'\n", 'marketplaces[0].write_mode must be "commit" or "pull_request"'),
        (MINIMAL + "[github]\napi_url='https://github.com'\n", "must be the API's URL: https://api.github.com"),
        (MINIMAL + "[github]\nwebhook_secret_files='x'\n", "must be a list in brackets"),
        (MINIMAL + "[server]\nwebhooks_host='127.0.0.1'\n", "server has webhooks_host without webhooks_port"),
        (MINIMAL + "[server]\nwebhooks_port=8080\n", "server gives both listeners the same port"),
        (MINIMAL + "[server]\nhost='http://x'\n", "server.host must be a host name or an address alone"),
        (MINIMAL + "[server]\nport=70000\n", "server.port must be at most 65,535"),
        (MINIMAL + "[sync]\njitter_s=301\n", "sync has a jitter_s above reconcile_interval_s"),
        (MINIMAL + "[sync]\nreconcile_interval_s=inf\n", "sync.reconcile_interval_s"),
        (MINIMAL + "[sync]\nmax_file_bytes=200_000_000\n", "sync.max_file_bytes must be at most 100,000,000"),
        (MINIMAL + "[sync]\nmax_files=true\n", "sync.max_files must be a whole number"),
        (MINIMAL + "mass_removal = 'ask'\n", 'marketplaces[0].mass_removal must be "hold" or "allow"'),
        (MINIMAL + "max_removed_share = 50\n", "marketplaces[0].max_removed_share must be at most 1"),
        (MINIMAL + "[sync]\nquarantine=['viruses']\n", 'sync.quarantine[0] must be "secrets" or "hidden-unicode"'),
        (
            MINIMAL + "[sync]\nquarantine='secrets'\n",
            "sync.quarantine must be a list in brackets, for example quarantine = [",
        ),
        ("server = 3\n" + MINIMAL, "config.toml:1: server must be a table"),
        ("marketplaces = 3\n", "config.toml:1: marketplaces must be a list"),
        ("[server]\nport = \n", "config.toml:2: not TOML: invalid value"),
        ('[server]\nhost = """\n', "config.toml:2: not TOML: "),
    ],
)
def test_each_mistake_has_its_sentence(folder: Path, text: str, said: str) -> None:
    (complaint,) = complaints(folder, text)
    assert said in complaint


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (MINIMAL + "[github]\ntoken = 'hush-hush'\n", {}),
        (MINIMAL + "[github]\ntoken_file = 'ghp_hushhushhushhush'\n", {}),
        (MINIMAL + "[github]\nwrite_token_file = 'ghp_hushhushhushhush'\n", {}),
        (MINIMAL + "[github]\nwrite_token = 'hush-hush'\n", {}),
        (MINIMAL + "[github]\nprivate_key_file = '-----BEGIN RSA PRIVATE KEY-----hush'\n", {}),
        (MINIMAL + "[github]\nwebhook_secret = 'hush-hush'\n", {}),
        (MINIMAL, {"SKILLPORT_GITHUB__TOKEN": "hush-hush"}),
        (MINIMAL, {"SKILLPORT_GITHUB__WEBHOOK_SECRET": "hush-hush"}),
    ],
)
def test_a_secret_in_the_wrong_place_is_sent_to_a_file_and_not_repeated(
    folder: Path, text: str, environ: dict[str, str]
) -> None:
    (complaint,) = complaints(folder, text, **environ)
    assert "file" in complaint
    assert "chmod 600" in complaint
    assert "hush" not in complaint


def test_no_file_at_all_says_where_one_was_looked_for(folder: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"no file found \(config.toml, .*/etc/skillport-sync/config.toml\)"):
        load(None, {})


def test_a_file_that_was_named_must_exist(folder: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"other.toml: there is no such file"):
        load(Path("other.toml"), {})


def test_a_file_that_is_not_text_is_said_to_be_none(folder: Path) -> None:
    (folder / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigInvalid, match="not UTF-8"):
        load(None, {})


def test_a_gap_in_numbered_marketplaces_is_an_error(folder: Path) -> None:
    (complaint,) = complaints(folder, MINIMAL, SKILLPORT_MARKETPLACES__7__REPOSITORY="acme/more")
    assert (
        complaint
        == "environment SKILLPORT_MARKETPLACES__7__REPOSITORY: the numbers before it are missing; count from 0"
    )


@pytest.mark.parametrize("name", ["SKILLPORT_SERVER_PORT", "SKILLPORT_PUBLIC_ULR", "SKILLPORT_SERVER__PROT"])
def test_a_variable_that_was_meant_for_us_is_not_ignored(folder: Path, name: str) -> None:
    (complaint,) = complaints(folder, MINIMAL, **{name: "1"})
    assert "did you mean SKILLPORT_" in complaint


@given(st.sampled_from(sorted(keys(), key=str)), st.data())
def test_a_mistyped_key_is_told_which_one_was_meant(path: tuple[str | int, ...], data: st.DataObject) -> None:
    from skillport_sync.config.complaints import unknown_key

    name = str(path[-1])
    at = data.draw(st.integers(0, len(name) - 1))
    wrong = name[:at] + name[at + 1 :]
    if len(name) > 3 and wrong and wrong not in {str(each[-1]) for each in keys()}:
        assert "did you mean" in unknown_key((*path[:-1], wrong)) or "belongs in" in unknown_key((*path[:-1], wrong))


@pytest.mark.parametrize(("lines", "enabled"), [("", True), ("[usage]\nenabled = false\n", False)])
def test_usage_is_counted_unless_it_is_switched_off(folder: Path, lines: str, enabled: bool) -> None:
    assert read(folder, f"{MINIMAL}\n{lines}").usage.enabled is enabled


# --- where it comes from -----------------------------------------------------------------------------------------------------


def test_explain_names_the_line_the_variable_or_the_default(folder: Path) -> None:
    settings = read(folder, "# first\n" + MINIMAL + "\n[server]\nport = 81\n", SKILLPORT_LOG__LEVEL="debug")
    rows = {row.key: (row.value, row.source) for row in explain(settings)}
    assert rows["server.port"] == (81, f"{folder}/config.toml:6")
    assert rows["marketplaces[0].repository"] == ("acme/skills", f"{folder}/config.toml:3")
    assert rows["marketplaces[0].name"] == ("acme/skills", "default")
    assert rows["log.level"] == ("debug", "environment SKILLPORT_LOG__LEVEL")
    assert rows["server.host"] == ("127.0.0.1", "default")


_NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
_VALUES = st.sampled_from(
    ["7", '"text"', '"""a\n[x]\nb = 1"""', "[1,\n  2,\n]", "'''\n#\n'''", "{ p = 1, q = [2] }", "true # [x]"]
)
_TABLES = st.dictionaries(_NAMES, st.dictionaries(_NAMES, _VALUES, max_size=4), max_size=4)


@given(_TABLES, st.lists(st.sampled_from(["", "# comment", "  "])))
def test_every_key_of_a_file_is_found_on_the_line_that_begins_with_it(
    tables: dict[str, dict[str, str]], filling: list[str]
) -> None:
    rows: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for table, values in tables.items():
        rows += [*filling, f"[{table}]"]
        expected[(table,)] = len(rows)
        for name, value in values.items():
            rows += filling
            expected[(table, name)] = len(rows) + 1
            rows += f"{name} = {value}".split("\n")
    found = lines("\n".join(rows))
    assert {key: found[key] for key in expected} == expected


def test_a_variable_is_called_after_its_key() -> None:
    assert variable(("marketplaces", 3, "retention", "days")) == "SKILLPORT_MARKETPLACES__3__RETENTION__DAYS"
