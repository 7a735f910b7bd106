# The site in a container. By itself it is web server and worker on SQLite:
#   docker build -t cairn . && docker run --init -p 127.0.0.1:8000:8000 -v cairn:/var/lib/cairn cairn
# compose.yaml runs them apart, on PostgreSQL. docs/operations.md tells which of this is tested, and how.

# Python 3.13 is what .python-version names and the tests run on. "slim" has the C library for which every locked
# package is published ready-made, so that no compiler is needed.
FROM python:3.13-slim AS packages
WORKDIR /opt/cairn
COPY requirements-s3.txt ./
RUN python -m venv .venv && \
    .venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --only-binary :all: \
    --require-hashes -r requirements-s3.txt

FROM python:3.13-slim
ENV PATH=/opt/cairn/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    STATIC_DIR=/opt/cairn/collected \
    DATA_DIR=/var/lib/cairn
WORKDIR /opt/cairn
COPY --from=packages /opt/cairn/.venv ./.venv
COPY . ./
# The program belongs to root and is only read, whatever a file's mode was; the key is for this command alone.
RUN python -m compileall -q bookmarks imports project && \
    SECRET_KEY=unused DATA_DIR=/tmp python manage.py prepare --static-only && \
    chmod -R a+rX bookmarks collected imports project static templates manage.py pyproject.toml && \
    install -d -m 700 -o 10001 -g 10001 /var/lib/cairn
USER 10001:10001
VOLUME /var/lib/cairn
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-m", "project.probe"]
CMD ["python", "manage.py", "serve", "--prepare"]
