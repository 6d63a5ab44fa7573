# Two stages: the lock first, the source last, so that a change of ours installs nothing anew.
FROM python:3.12-slim AS build
WORKDIR /troupe
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY personas personas
COPY storage storage
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home troupe \
    && install -d -o troupe -g troupe /data
COPY --from=build /opt/venv /opt/venv
USER troupe
WORKDIR /home/troupe
ENV PATH=/opt/venv/bin:$PATH TROUPE_DATA_FOLDER=/data PYTHONUNBUFFERED=1
VOLUME /data
CMD ["troupe", "run"]
