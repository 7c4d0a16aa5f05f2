#!/bin/sh
# `make manifests`: the chart as plain manifests, for whoever has no Helm. Needs Helm itself.
set -eu
cd "$(dirname "$0")/.."
rendered=$(helm template skillport-sync deploy/helm/skillport-sync --set ingress.enabled=true)
cat <<'TEXT'
# What `make manifests` renders from deploy/helm/skillport-sync. Change the config, the host and the image, then:
#   kubectl create namespace skillport-sync
#   kubectl -n skillport-sync create secret generic skillport-sync --from-file=github-token --from-file=webhook-secret
#   kubectl -n skillport-sync apply -f deploy/kubernetes/skillport-sync.yaml
TEXT
printf '%s\n' "$rendered" |
    sed -e '/managed-by: Helm/d' -e '/helm\.sh\/chart/d' -e '/^# Source: /d' -e '/^$/d' -e 's/ *$//'
