# One image for the code server, the webserver and the daemon. Versions and hashes come from requirements.lock.
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
WORKDIR /src

# The tools (uv, hatchling) stay in this stage.
COPY requirements.lock ./
RUN python -m venv /tools \
    && /tools/bin/pip install --quiet --require-hashes --no-deps -r requirements.lock

# Only what the program needs at run time: uv checks each download against the hashes of the lock.
COPY pyproject.toml ./
RUN python -m venv --without-pip /opt/metalayer \
    && /tools/bin/uv pip install --quiet --python /opt/metalayer/bin/python \
       --constraints requirements.lock --compile-bytecode -r pyproject.toml

COPY README.md LICENSE ./
COPY metalayer_assets metalayer_assets
COPY sql sql
RUN /tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /tools/bin/uv pip install --quiet --python /opt/metalayer/bin/python \
       --no-deps --compile-bytecode /wheels/*.whl


FROM python:3.12-slim-bookworm
ENV PATH=/opt/metalayer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    METALAYER_HOME=/var/lib/metalayer \
    METALAYER_LANDING=/landing \
    DAGSTER_HOME=/var/lib/metalayer/dagster

RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/metalayer --shell /usr/sbin/nologin metalayer \
    && install -d -o metalayer -g metalayer /var/lib/metalayer/dagster /landing

COPY --from=build /opt/metalayer /opt/metalayer
WORKDIR /app
COPY dagster.yaml ./
COPY docker docker

USER 10001
# Code server, webserver.
EXPOSE 4266 3000
ENTRYPOINT ["python", "/app/docker/entrypoint.py"]
CMD ["metalayer", "--help"]
