# syntax=docker/dockerfile:1
# The operator's image: a virtual environment of hash-locked wheels, and nothing that only a build needs.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# `tracing` has what it takes to send traces too.
ARG LOCK=runtime
COPY requirements/build.txt requirements/runtime.txt requirements/tracing.txt /locks/
# The environment has no pip of its own: the base's installs into it.
RUN python -m venv --without-pip /opt/venv && python -m venv --without-pip /opt/build \
    && pip --python /opt/build/bin/python install --no-cache-dir --no-compile \
        --require-hashes --only-binary :all: -r /locks/build.txt \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --require-hashes --only-binary :all: -r /locks/${LOCK}.txt
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
# Compiled here, since nothing can be written at run time; what a wheel brings for its own tests stays behind.
RUN cd /src && /opt/build/bin/python -m hatchling build -t wheel -d /wheel \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --no-index /wheel/*.whl \
    && find /opt/venv/lib -depth -type d -name tests -exec rm -r {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="watchbill" \
      org.opencontainers.image.description="A Kubernetes operator that runs incidents as custom resources." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Vendors are reached by TLS, and the program starts: else there is no image.
RUN test -s /etc/ssl/certs/ca-certificates.crt && watchbill version
USER 10001:10001
ENTRYPOINT ["watchbill"]
CMD ["run"]
