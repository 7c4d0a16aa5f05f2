#!/bin/sh
# `make lint-deploy`: everything about deployment that can be told without an engine or a cluster. $1 is the directory of the tools that
# PyPI has. The others are used where the machine has them; what was not run is said, and is no failure.
set -eu
cd "$(dirname "$0")/.."
tools=$1
chart=deploy/helm/skillport-sync
manifests=deploy/kubernetes/skillport-sync.yaml

run() {
    echo "· $*" | sed "s|$tools/||"
    "$@"
}

has() {
    command -v "$1" >/dev/null 2>&1 || { echo "· not run: $1 is not on this machine"; return 1; }
}

run "$tools/hadolint" Dockerfile
run "$tools/yamllint" --strict -c deploy/yamllint.yaml deploy/compose.yaml deploy/kubernetes \
    "$chart/Chart.yaml" "$chart/values.yaml" .github/workflows
run "$tools/check-jsonschema" --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
run "$tools/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
run "$tools/check-jsonschema" --quiet --check-metaschema "$chart/values.schema.json"
run "$tools/check-jsonschema" --quiet --schemafile "$chart/values.schema.json" "$chart/values.yaml"
for version in 1.25 1.33; do
    run "$tools/kubernetes-validate" --quiet --strict -k "$version" "$manifests"
done

if has helm; then
    run helm lint --strict --quiet "$chart"
    deploy/render.sh | diff -u "$manifests" - || { echo "the manifests are not what the chart says: make manifests"; exit 1; }
fi
! has kubeconform || run kubeconform -strict -kubernetes-version 1.33.0 "$manifests"
! has actionlint || run actionlint
! has caddy || run env PUBLIC_HOST=skills.example.com caddy validate --adapter caddyfile --config deploy/Caddyfile
if has systemd-analyze; then
    echo "· systemd-analyze security: an exposure of 2.0 at most"
    systemd-analyze security --offline=yes --threshold=20 --no-pager deploy/systemd/skillport-sync.service >/dev/null
fi
