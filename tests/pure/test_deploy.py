"""What deploys the service names only what the service has: keys, routes, ports, versions. And it runs as nobody special."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from skillport_sync import __version__, health
from skillport_sync.config import Settings, TokenFile, load
from skillport_sync.config.keys import CONFIG_VARIABLE, PREFIX, keys
from skillport_sync.config.secret import LOOKS_SECRET
from skillport_sync.config.settings import WEBHOOK_PATH as WEBHOOK
from skillport_sync.observing.route import PATH as METRICS

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/skillport-sync"
COMPOSE = ROOT / "deploy/compose.yaml"
MANIFESTS = ROOT / "deploy/kubernetes/skillport-sync.yaml"
UNIT = ROOT / "deploy/systemd/skillport-sync.service"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
YAMLS = [COMPOSE, MANIFESTS, CHART / "Chart.yaml", CHART / "values.yaml", *WORKFLOWS]
DEPLOYED = [path for path in [ROOT / "Dockerfile", *(ROOT / "deploy").rglob("*")] if path.is_file()]

HEALTH = set(re.findall(r'web\.get\("(/\w+)"', inspect.getsource(health)))
VARIABLES = {key.variable for key in keys().values()} | {CONFIG_VARIABLE}

Tree = dict[str, Any]


def documents(path: Path) -> list[Tree]:
    return list(YAML(typ="safe", pure=True).load_all(path.read_text("utf-8")))


def of_kind(kind: str) -> list[Tree]:
    return [each for each in documents(MANIFESTS) if each["kind"] == kind]


def dockerfile() -> str:
    """Its instructions, one a line."""
    return (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")


def image_environment() -> dict[str, str]:
    return dict(re.findall(rf"\b({PREFIX}\w+)=(\S+)", dockerfile()))


def interpolated(text: str, **given: str) -> str:
    """As compose reads ``${NAME:-default}`` and ``${NAME:?complaint}``."""
    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", lambda m: given.get(m[1]) or (m[3] if m[2] == "-" else ""), text)


def compose() -> Tree:
    text = interpolated(COMPOSE.read_text("utf-8"), PUBLIC_HOST="skills.example.com")
    (tree,) = YAML(typ="safe", pure=True).load_all(text)
    return dict(tree)


def pod() -> Tree:
    (deployment,) = of_kind("Deployment")
    return dict(deployment["spec"]["template"]["spec"])


def pod_environment() -> dict[str, str]:
    (container,) = pod()["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def chart_config() -> str:
    return str(documents(CHART / "values.yaml")[0]["config"])


def settings(folder: Path, config: str, environ: dict[str, str]) -> Settings:
    file = folder / "config.toml"
    file.write_text(config, encoding="utf-8")
    return load(file, environ)


# --- all of it ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.name)
def test_every_yaml_file_is_yaml(path: Path) -> None:
    assert all(isinstance(each, dict) for each in documents(path))


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.name)
def test_no_file_holds_a_secret_or_a_key_that_there_is_not(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not LOOKS_SECRET.search(text)
    named = set(re.findall(rf"\b{PREFIX}[A-Z0-9]+(?:_+[A-Z0-9]+)*\b", text)) - {"SKILLPORT_IMAGE"}  # compose's own
    assert named <= VARIABLES


def test_the_version_is_the_same_everywhere() -> None:
    (chart,) = documents(CHART / "Chart.yaml")
    (container,) = pod()["containers"]
    assert {
        str(chart["version"]),
        str(chart["appVersion"]),
        re.findall(r"^ARG VERSION=(\S+)$", dockerfile(), re.MULTILINE)[0],
        compose()["services"]["skillport-sync"]["image"].rpartition(":")[2],
        container["image"].rpartition(":")[2],
    } == {__version__}


def test_ports_are_the_images_everywhere() -> None:
    image = image_environment()
    public, private = image["SKILLPORT_SERVER__PORT"], image["SKILLPORT_SERVER__WEBHOOKS_PORT"]
    (exposed,) = re.findall(r"^EXPOSE (.*)$", dockerfile(), re.MULTILINE)
    assert exposed.split() == [public, private]

    caddy = (ROOT / "deploy/Caddyfile").read_text("utf-8")
    assert re.findall(r"reverse_proxy \S+:(\d+)$", caddy, re.MULTILINE) == [private, public]

    (container,) = pod()["containers"]
    assert {each["name"]: str(each["containerPort"]) for each in container["ports"]} == {
        "public": public,
        "private": private,
    }
    environment = pod_environment()
    assert (environment["SKILLPORT_SERVER__PORT"], environment["SKILLPORT_SERVER__WEBHOOKS_PORT"]) == (public, private)
    unit = UNIT.read_text("utf-8")
    assert f"SKILLPORT_SERVER__WEBHOOKS_PORT={private}" in unit
    assert str(keys()["server", "port"].field.default) == public, "what the unit does not set"


def test_only_the_webhook_of_the_private_listener_is_offered_to_others() -> None:
    caddy = (ROOT / "deploy/Caddyfile").read_text("utf-8")
    (hidden,) = re.findall(r"@private path (.*)", caddy)
    assert set(hidden.split()) == HEALTH | {METRICS}
    assert re.findall(r"@webhooks path (.*)", caddy) == [f"{WEBHOOK} {WEBHOOK}/*"], "each GitHub has its own"
    assert re.findall(r"handle(.*) \{", caddy) == [" @webhooks", " @private", ""]

    (ingress,) = of_kind("Ingress")
    ways = {each["path"]: each for each in ingress["spec"]["rules"][0]["http"]["paths"]}
    assert {path: way["backend"]["service"]["port"]["name"] for path, way in ways.items()} == {
        WEBHOOK: "private",
        "/": "public",
    }
    assert ways[WEBHOOK]["pathType"] == "Prefix", "each GitHub has its own, below it"


# --- image -------------------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_a_user_that_is_not_root_and_is_named_by_number() -> None:
    last = dockerfile().rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert user == ("10001", "10001")
    assert last.index("\nUSER ") > last.rindex("\nRUN "), "everything before it is root's"


def test_the_image_is_built_from_a_pinned_base_and_the_lock_alone() -> None:
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile(), re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)
    assert set(re.findall(r"^FROM (\S+)", dockerfile(), re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    from_outside, from_here = re.findall(r"python -m pip --python \S+ install (.*)", dockerfile())
    assert "--require-hashes --only-binary :all: -r requirements.lock" in from_outside
    assert "--no-index --no-deps" in from_here
    assert "\nADD " not in dockerfile()


def test_what_only_builds_the_wheel_is_taken_out_again() -> None:
    wanted_by: dict[str, set[str]] = {}
    name = ""
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        if match := re.match(r"([a-z0-9-]+)==", line):
            name = match[1]
        elif match := re.match(r"\s+#(?:\s+via)?\s+(\S.*)$", line):
            wanted_by.setdefault(name, set()).add(match[1])
    builds = {each for each, who in wanted_by.items() if who == {"skillport-sync (pyproject.toml:build)"}}
    while more := {each for each, who in wanted_by.items() if who <= builds} - builds:
        builds |= more
    (removed,) = re.findall(r"uninstall (.*)", dockerfile())
    assert set(removed.split()) - {"--yes", "--disable-pip-version-check"} == builds


def test_what_is_copied_is_there_and_nothing_else_reaches_the_build() -> None:
    copied = {
        part
        for sources in re.findall(r"^COPY (?!--from)(.*)$", dockerfile(), re.MULTILINE)
        for part in sources.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str], list[int]]]:
    """A server that answers with the status that is put first in the list. Its port, and what it was asked."""
    paths: list[str] = []
    statuses = [200]

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(statuses[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield str(server.server_port), paths, statuses
        server.shutdown()
        thread.join()


def test_the_images_health_check_says_what_healthz_says(asked: tuple[str, list[str], list[int]]) -> None:
    port, paths, statuses = asked
    (command,) = re.findall(r"HEALTHCHECK .*?CMD (\[.*\])$", dockerfile(), re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "python"

    def checked(**environ: str) -> int:
        return subprocess.run([sys.executable, *arguments], env=environ, check=False, capture_output=True).returncode

    assert checked(SKILLPORT_SERVER__WEBHOOKS_PORT=port, SKILLPORT_SERVER__PORT="1") == 0
    assert checked(SKILLPORT_SERVER__WEBHOOKS_PORT="", SKILLPORT_SERVER__PORT=port) == 0
    statuses[0] = 503
    assert checked(SKILLPORT_SERVER__WEBHOOKS_PORT=port) != 0
    assert set(paths) == {"/healthz"} <= HEALTH


# --- compose -----------------------------------------------------------------------------------------------------------------


def test_containers_may_write_nothing_and_gain_nothing() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    assert compose()["services"]["skillport-sync"]["user"] == "10001:10001"


def test_only_caddy_has_ports_and_between_the_two_is_a_network_of_their_own() -> None:
    services = compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    assert set(services["caddy"]["networks"]) & set(services["skillport-sync"]["networks"]) == {"inside"}
    inside = compose()["networks"]["inside"]
    assert inside["internal"] is True
    trusted = services["skillport-sync"]["environment"]["SKILLPORT_SERVER__TRUSTED_PROXIES"]
    assert trusted == inside["ipam"]["config"][0]["subnet"]


def test_composes_environment_and_the_readmes_configuration_go_together(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    config = next(each for each in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[[marketplaces]]" in each)
    service = compose()["services"]["skillport-sync"]
    found = settings(tmp_path, config, image_environment() | service["environment"])
    assert found.public_url == "https://skills.example.com"
    assert found.data_dir == Path("/var/lib/skillport-sync")
    assert any(volume == f"data:{found.data_dir}" for volume in service["volumes"])
    assert any(volume.endswith(f":{image_environment()[CONFIG_VARIABLE]}:ro") for volume in service["volumes"])
    assert isinstance(found.github.credentials, TokenFile)
    named = {str(found.github.credentials.path), *map(str, found.github.webhook_secret_files)}
    assert named == {secret["target"] for secret in service["secrets"]}
    assert {secret["source"] for secret in service["secrets"]} == set(compose()["secrets"])


# --- Kubernetes --------------------------------------------------------------------------------------------------------------


def test_the_charts_configuration_is_one_that_the_service_takes(tmp_path: Path) -> None:
    found = settings(tmp_path, chart_config(), pod_environment())
    (container,) = pod()["containers"]
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert mounts[pod_environment()[CONFIG_VARIABLE]] == "config"
    assert mounts[str(found.data_dir.parent)] == "data"
    assert mounts["/etc/skillport-sync/secrets"] == "secrets"
    (ingress,) = of_kind("Ingress")
    assert found.public_url == f"https://{ingress['spec']['rules'][0]['host']}"


def test_the_manifests_are_what_the_chart_says_now() -> None:
    """As far as it can be told without Helm; `make lint-deploy` compares every byte where there is one."""
    (config,) = of_kind("ConfigMap")
    assert config["data"]["config.toml"].strip() == chart_config().strip()
    values = documents(CHART / "values.yaml")[0]
    (container,) = pod()["containers"]
    assert container["resources"] == values["resources"]
    text = "\n".join(path.read_text("utf-8") for path in (CHART / "templates").glob("*.yaml"))
    assert set(re.findall(r"^kind: (\w+)$", text, re.MULTILINE)) - {"ServiceMonitor", "NetworkPolicy"} == {
        each["kind"] for each in documents(MANIFESTS)
    }


def test_every_value_is_described_and_every_value_that_a_template_asks_for_is_there() -> None:
    (values,) = documents(CHART / "values.yaml")
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    jsonschema.validate(values, schema)
    for name, value in values.items():
        described = schema["properties"][name]
        if described.get("additionalProperties") is False:
            assert set(described["properties"]) == set(value), name
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values, "replicas": 2}, schema)

    text = "\n".join(path.read_text("utf-8") for path in (CHART / "templates").iterdir())
    for path in re.findall(r"\.Values((?:\.\w+)+)", text):
        node = values
        for part in path[1:].split("."):
            assert part in node, path
            node = node[part]


def test_the_pod_is_nobody_writes_only_its_volumes_and_is_one_at_a_time() -> None:
    (deployment,) = of_kind("Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (1, "Recreate")
    (container,) = pod()["containers"]
    who = pod()["securityContext"]
    assert who["runAsNonRoot"] is True
    assert f"USER {who['runAsUser']}:{who['runAsGroup']}" in dockerfile()
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["enableServiceLinks"] is False, "or the cluster sets variables that begin like ours"


def test_probes_ask_for_health_and_readiness_on_the_private_port() -> None:
    (container,) = pod()["containers"]
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in probes.values()} == {"private"}
    assert probes["livenessProbe"]["path"] == probes["startupProbe"]["path"] == "/healthz"
    assert probes["readinessProbe"]["path"] == "/readyz"
    assert {"/healthz", "/readyz"} == HEALTH
    assert f"path: {METRICS}" in (CHART / "templates/servicemonitor.yaml").read_text("utf-8")


def test_every_service_finds_the_pod_and_a_port_of_it() -> None:
    (deployment,) = of_kind("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    (container,) = pod()["containers"]
    names = {each["name"] for each in container["ports"]}
    for service in of_kind("Service"):
        assert service["spec"]["selector"].items() <= labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


# --- systemd -----------------------------------------------------------------------------------------------------------------


def test_the_unit_is_no_root_and_may_write_its_own_directory_only() -> None:
    lines = UNIT.read_text("utf-8").splitlines()
    assert "User=skillport-sync" in lines
    assert {"ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "PrivateTmp=yes"} <= set(lines)
    assert not [line for line in lines if line.startswith(("ReadWritePaths", "BindPaths"))]
    assert "Environment=SKILLPORT_DATA_DIR=/var/lib/skillport-sync" in lines
    assert "StateDirectory=skillport-sync" in lines


# --- workflows ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_little_and_takes_pinned_actions(path: Path) -> None:
    (workflow,) = documents(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job, name
        for step in job["steps"]:
            uses = step.get("uses", "")
            assert not uses or re.search(r"@(v\d+|release/v\d+)$", uses), uses
            assert not uses.startswith("actions/checkout") or step["with"]["persist-credentials"] is False
            for made in re.findall(r"\bmake ((?:[a-z-]+ )+)", step.get("run", "")):
                assert set(made.split()) <= targets
    text = path.read_text("utf-8")
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}, "publishing needs no stored token"


def test_nothing_is_published_before_every_test_has_passed() -> None:
    (workflow,) = documents(ROOT / ".github/workflows/release.yml")
    jobs = workflow["jobs"]

    def before(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*(before(each) for each in direct))

    may_write = [name for name, job in jobs.items() if {"write"} & set(job["permissions"].values()) and name != "build"]
    assert sorted(may_write) == ["image", "pypi", "release"]
    assert all({"test", "build"} <= before(name) for name in may_write)


def test_every_python_that_the_package_names_is_tested() -> None:
    for path in WORKFLOWS:
        (workflow,) = documents(path)
        assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text("utf-8")
