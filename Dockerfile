# One image for every arbkit service: `arbkit COMMAND`. Runs as an ordinary user, on a read-only root file system.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/build && python -m venv --without-pip /opt/arbkit
WORKDIR /src
COPY docker/requirements.txt docker/build.txt docker/
RUN /opt/build/bin/python -m pip install --require-hashes -r docker/build.txt
RUN /opt/build/bin/python -m pip --python /opt/arbkit/bin/python install --require-hashes -r docker/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY arbkit arbkit
COPY apps apps
COPY notebooks notebooks
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir wheels .
RUN /opt/build/bin/python -m pip --python /opt/arbkit/bin/python install --no-deps --no-index wheels/*.whl

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 arbkit \
    && useradd --uid 10001 --gid arbkit --no-create-home --home-dir /tmp --shell /usr/sbin/nologin arbkit \
    && install -d -o arbkit -g arbkit /data /shared/user /shared/health /shared/reports
COPY --from=build /opt/arbkit /opt/arbkit
# Jupyter's kernels keep their run-time files under HOME, which must be writable. With an arena of memory for each of
# their threads, as glibc has it by default, processes keep far more than they use.
ENV PATH=/opt/arbkit/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ARBKIT_HOME=/data/var \
    MALLOC_ARENA_MAX=2
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["arbkit"]
CMD ["--help"]
