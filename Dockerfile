# The image of Ponte. Everything it keeps is in /data: mount a volume there.
#
#   docker build -t ponte .
#   docker run -p 8080:8080 -v ponte-data:/data -e PONTE_AUTH__API_KEY=... ponte
#
# For numbers connected by QR code, build it with the part that connects them. Such an image holds
# code under the GPL-3.0 (docs/notices.md); think of that before you pass it on.
#
#   docker build -t ponte --build-arg EXTRAS="speed whatsapp-web" .
#
# With `voice` in EXTRAS, sound of agents becomes voice notes; it adds 104 MB, and code under the LGPL
# and the GPL.
#
# The part whatsapp-web needs glibc 2.34 or newer, which every slim image has; it does not run on Alpine.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=speed
WORKDIR /src
ENV VENV=/opt/ponte PIP_NO_CACHE_DIR=1

# Dependencies first: this layer stays while only the code changes.
COPY requirements*.lock pyproject.toml ./
COPY scripts ./scripts
RUN scripts/install $(for extra in $EXTRAS; do echo "--extra $extra"; done) --no-project

COPY LICENSE NOTICE README.md ./
COPY bridge ./bridge
RUN scripts/install $(for extra in $EXTRAS; do echo "--extra $extra"; done) --wheel "$(scripts/build-wheel)"


FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin ponte \
    && install --directory --owner=ponte --group=ponte --mode=0700 /data
COPY --from=build /opt/ponte /opt/ponte

ENV PATH=/opt/ponte/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PONTE_SERVER__HOST=0.0.0.0 \
    PONTE_SERVER__PORT=8080 \
    PONTE_STORAGE__DATA_DIR=/data
USER ponte
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['PONTE_SERVER__PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["ponte"]
CMD ["serve"]
