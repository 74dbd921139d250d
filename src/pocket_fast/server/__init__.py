"""HTTP over TTSModel: see docs/serving.md. Needs the extra: pip install "pocket-fast[server]"."""
