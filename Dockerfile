# syntax is plain, so that any builder will do.
#   docker build -t plumb:0.1.0 .
# A base image of your own: --build-arg PYTHON_IMAGE=..., it needs python3 with venv, 3.11 or later.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml ./
# What it needs is a layer of its own, which a change of the source leaves as it is.
RUN python3 -m venv /opt/plumb \
 && /opt/plumb/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' > needs.txt \
 && /opt/plumb/bin/python -m pip --disable-pip-version-check install --no-cache-dir -r needs.txt
COPY README.md LICENSE ./
COPY manifests manifests
COPY engine engine
# Neither pip nor anything else that installs is needed in the image that runs.
RUN /opt/plumb/bin/python -m pip --disable-pip-version-check install --no-cache-dir --no-deps . \
 && /opt/plumb/bin/python -m pip --disable-pip-version-check uninstall --yes pip \
 && /opt/plumb/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/plumb \
 && /opt/plumb/bin/plumb version

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Plumb" \
      org.opencontainers.image.description="Keeps Kubernetes clusters true to Git" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/plumb /opt/plumb
# Nothing is written but the cache; a read-only root and a foreign home are fine.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp XDG_CACHE_HOME=/var/cache/plumb
USER 65532:65532
ENTRYPOINT ["/opt/plumb/bin/plumb"]
CMD ["run"]
