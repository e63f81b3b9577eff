# Yunei in a container. Nothing is fetched while building: packages come from ./wheelhouse (`make wheelhouse`), the base
# from ARG BASE, which `make image` makes with mmdebstrap. Any base with Python 3.11 and venv will do.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS install
COPY requirements.txt /build/
COPY wheelhouse/ /build/wheelhouse/
RUN python3 -m venv /opt/yunei \
 && /opt/yunei/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --find-links /build/wheelhouse \
      --require-hashes -r /build/requirements.txt \
 && /opt/yunei/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps /build/wheelhouse/yunei-*.whl \
 && /opt/yunei/bin/pip uninstall --quiet --yes pip setuptools \
 && /opt/yunei/bin/python -m compileall -q /opt/yunei/lib

FROM ${BASE}
COPY deploy/healthcheck.py /opt/yunei-healthcheck.py
COPY --from=install /opt/yunei /opt/yunei
# A fixed number, so that volumes keep their owner. Raw data and keys are apart: production refuses keys beside data.
RUN echo 'yunei:x:10001:' >> /etc/group \
 && echo 'yunei:x:10001:10001::/data:/usr/sbin/nologin' >> /etc/passwd \
 && install -d -o 10001 -g 10001 -m 0700 /data /keys
USER 10001:10001
WORKDIR /data
ENV PATH=/opt/yunei/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    YUNEI_DATA_DIR=/data \
    YUNEI_KEYS_DIR=/keys \
    YUNEI_HOST=0.0.0.0 \
    YUNEI_PORT=8420 \
    YUNEI_REQUIRED_LEVEL=1
VOLUME ["/data", "/keys"]
EXPOSE 8420
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
  CMD ["python", "/opt/yunei-healthcheck.py"]
ENTRYPOINT ["yunei"]
CMD ["serve"]
