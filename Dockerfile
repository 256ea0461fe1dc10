# Three images: Airflow with this package and its locked dependencies; the same with the sandbox, for a trial; and the
# object store for staging.
# The slim image has Airflow and no providers: what is installed is what deploy/requirements.txt locks and the
# tests ran with, on the Python that they ran with.
# To pin by digest, set the images in .env (NAME@sha256:..., see docs/deployment.md, "Pin the images").
ARG AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.11
ARG OBJECT_STORE_IMAGE=chrislusf/seaweedfs:4.47

FROM ${AIRFLOW_IMAGE} AS wheel
USER airflow
WORKDIR /tmp/source
COPY --chown=airflow:0 deploy/requirements-build.txt ./
RUN pip install --no-cache-dir --requirement requirements-build.txt
COPY --chown=airflow:0 pyproject.toml README.md LICENSE ./
COPY --chown=airflow:0 plugins ./plugins
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /tmp/wheel .

FROM ${AIRFLOW_IMAGE} AS airflow
USER airflow
COPY --chown=airflow:0 deploy/requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt \
 && rm /tmp/requirements.txt
RUN --mount=type=bind,from=wheel,source=/tmp/wheel,target=/tmp/wheel \
    pip install --no-cache-dir --no-deps /tmp/wheel/*.whl \
 && pip check
USER root
# .dockerignore leaves out the four example pairs. The folder plugins is for systems of your own.
COPY dags /opt/prospects/dags
COPY deploy/*.py /opt/prospects/deploy/
COPY include/pairs /opt/prospects/include/pairs
# The code belongs to root and is compiled here, as nobody may write it later. The named volume for the logs
# takes over the owner of this folder.
RUN install --directory /opt/prospects/plugins \
 && python -m compileall -q /opt/prospects \
 && chmod -R a+rX,go-w /opt/prospects \
 && install --directory --owner=airflow --group=0 --mode=0775 /opt/airflow/logs
WORKDIR /opt/prospects
USER airflow

FROM airflow AS sandbox
COPY --chown=airflow:0 include/sandbox/requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt \
 && rm /tmp/requirements.txt
USER root
COPY include/__init__.py /opt/prospects/include/__init__.py
COPY include/sandbox /opt/prospects/include/sandbox
RUN python -m compileall -q /opt/prospects/include \
 && chmod -R a+rX,go-w /opt/prospects/include
USER airflow

FROM ${OBJECT_STORE_IMAGE} AS object-store
# The image starts as root to hand its folder to a user; this folder belongs to that user from the start.
USER root
RUN mkdir -p /store && chown 1000:1000 /store
USER 1000:1000
WORKDIR /store
ENTRYPOINT ["/usr/bin/weed"]
