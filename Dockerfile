# syntax=docker/dockerfile:1
# The service in one image: `docker build -t skillport-sync .` In front of it belongs a proxy that adds TLS: deploy/compose.yaml.
#
# The base is pinned by tag, so that a rebuild takes Python's and Debian's fixes. To pin every byte, give the digest too:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:… .
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src

# Exactly the files of the lock, as wheels: nothing is compiled, and no package's own code runs while it is installed.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/skillport-sync \
 && python -m pip --python /opt/skillport-sync/bin/python install --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary :all: -r requirements.lock

# What only builds the wheel goes again.
COPY pyproject.toml README.md LICENSE ./
COPY skillport_sync ./skillport_sync
COPY webhooks ./webhooks
COPY mcp_server ./mcp_server
RUN /opt/skillport-sync/bin/hatchling build -t wheel -d /tmp/wheel \
 && python -m pip --python /opt/skillport-sync/bin/python install --no-cache-dir --disable-pip-version-check \
      --no-index --no-deps /tmp/wheel/*.whl \
 && python -m pip --python /opt/skillport-sync/bin/python uninstall --yes --disable-pip-version-check \
      hatchling editables packaging pathspec pluggy tomlkit trove-classifiers


FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Skillport Sync" \
      org.opencontainers.image.description="Mirrors a private Claude plugin marketplace from GitHub and serves it to every Claude surface." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# By number, so that a cluster can see that it is not root. A named volume takes over who owns the directory that it covers.
RUN groupadd --gid 10001 skillport-sync \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin skillport-sync \
 && install -d -o root -g 10001 -m 0750 /etc/skillport-sync /etc/skillport-sync/secrets \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/skillport-sync
COPY --from=build /opt/skillport-sync /opt/skillport-sync

# 8080 for people and Claude; 8081 for webhooks and health, which the proxy offers to nobody but GitHub. Both are plain HTTP.
ENV PATH=/opt/skillport-sync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SKILLPORT_CONFIG=/etc/skillport-sync/config.toml \
    SKILLPORT_DATA_DIR=/var/lib/skillport-sync \
    SKILLPORT_SERVER__HOST=0.0.0.0 \
    SKILLPORT_SERVER__PORT=8080 \
    SKILLPORT_SERVER__WEBHOOKS_HOST=0.0.0.0 \
    SKILLPORT_SERVER__WEBHOOKS_PORT=8081
EXPOSE 8080 8081
WORKDIR /var/lib/skillport-sync
USER 10001:10001
STOPSIGNAL SIGTERM

# Alive, not ready: a GitHub that is down is no reason to restart what answers from its cache.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-c", "import http.client, os, sys; port = os.environ.get('SKILLPORT_SERVER__WEBHOOKS_PORT') or os.environ.get('SKILLPORT_SERVER__PORT') or 8080; ask = http.client.HTTPConnection('127.0.0.1', int(port), timeout=4); ask.request('GET', '/healthz'); sys.exit(ask.getresponse().status != 200)"]

ENTRYPOINT ["skillport-sync"]
CMD ["serve"]
