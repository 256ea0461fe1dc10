# Three images: Airflow with this repository's code and locked packages; the same with the sandbox, for trying out; and the
# object store for staging.
# The slim image has Airflow and no providers: what is installed is what deploy/requirements.txt locks and the
# tests ran with, on the Python that they ran with. To pin by digest: AIRFLOW_IMAGE=apache/airflow@sha256:...
ARG AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.11
ARG OBJECT_STORE_IMAGE=chrislusf/seaweedfs:4.47

FROM ${AIRFLOW_IMAGE} AS airflow
USER airflow
COPY --chown=airflow:0 deploy/requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt \
 && pip check \
 && rm /tmp/requirements.txt
USER root
COPY plugins /opt/prospects/plugins
COPY dags /opt/prospects/dags
COPY deploy /opt/prospects/deploy
COPY include/pairs /opt/prospects/include/pairs
# The code belongs to root and is compiled here, as nobody may write it later. The named volume for the logs
# takes over the owner of this folder.
RUN python -m compileall -q /opt/prospects \
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
