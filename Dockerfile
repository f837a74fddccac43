# Second Opinion in a container: docs/deploy.md. Its verdicts are on the volume /data.
#
# REQUIREMENTS is another set for models of an older scikit-learn, like requirements/sklearn-1.2.txt
# (with PYTHON=3.11); EXTRAS a further list, like requirements-mlflow.txt for MODEL=models:/….
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS packages
ARG REQUIREMENTS=requirements.lock
ARG EXTRAS=
WORKDIR /build
COPY requirements.lock requirements.txt requirements-mlflow.txt ./
COPY requirements requirements
RUN python -m venv --without-pip /opt/venv
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r $REQUIREMENTS
RUN [ -z "$EXTRAS" ] || python -m pip --python /opt/venv/bin/python install --no-cache-dir -r $EXTRAS
# The image needs no installer, and whoever gets in finds none; sqlite-utils brings one.
RUN python -m pip --python /opt/venv/bin/python uninstall --yes pip
RUN mkdir -p /data

FROM python:${PYTHON}-slim
RUN python -m pip uninstall --yes pip
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages --chown=1000:1000 /data /data
WORKDIR /app
COPY requirements.txt requirements-mlflow.txt ./
COPY requirements requirements
COPY .streamlit/config.toml .streamlit/config.toml
COPY Home.py serve.py ./
COPY --chmod=755 deploy/sagemaker/serve /opt/bin/serve
COPY pages pages
COPY second_opinion second_opinion
# `add`, and a model that is fetched, write here.
COPY --chown=1000:1000 model model
ENV PATH=/opt/venv/bin:/opt/bin:$PATH PYTHONUNBUFFERED=1 HOME=/data LOGNAME=second-opinion
ENV FEEDBACK_DB=/data/feedback.db PUBLIC=1 PORT=8501 STREAMLIT_SERVER_HEADLESS=true
USER 1000:1000
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=10s --start-period=330s CMD python -c "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/api/ready', timeout=9)"
CMD ["sh", "-c", "exec streamlit run serve.py --server.address 0.0.0.0 --server.port $PORT"]
