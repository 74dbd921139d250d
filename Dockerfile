# A server of speech. See docs/serving.md.
#   docker build -t pocket-fast . && docker run -p 127.0.0.1:8000:8000 -v pocket-fast:/cache pocket-fast

FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/pocket-fast
WORKDIR /src
COPY pyproject.toml CMakeLists.txt README.md LICENSE ./
COPY csrc csrc
COPY src src
RUN /opt/pocket-fast/bin/pip install --no-cache-dir ".[server]"

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home speaker \
    && mkdir /cache && chown speaker /cache
COPY --from=build /opt/pocket-fast /opt/pocket-fast
ENV PATH=/opt/pocket-fast/bin:$PATH \
    HF_HOME=/cache/huggingface \
    POCKET_FAST_CACHE=/cache/http \
    PYTHONUNBUFFERED=1
USER speaker
VOLUME /cache
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10m \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "pocket_fast", "serve", "--host", "0.0.0.0"]
