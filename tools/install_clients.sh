#!/usr/bin/env bash
# Gets programs that speak to servers such as this one, for tests/unit/server/test_server_clients.py:
#
#     tools/install_clients.sh DIR [NAME...]        NAME: ai-sdk (npm), pipecat, livekit, wyoming-openai (Python 3.12)
#     POCKET_FAST_CLIENTS=DIR pytest tests/unit/server/test_server_clients.py
#
# All of them take a gigabyte and some minutes; ai-sdk alone takes 35 MB and some seconds.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
[ "$#" -gt 0 ] || set -- ai-sdk pipecat livekit wyoming-openai

environment() { # NAME PACKAGE...: a virtual environment with these packages, of ${PYTHON:-python3}
  "${PYTHON:-python3}" -m venv "$folder/$1"
  "$folder/$1/bin/pip" install -q "${@:2}"
}

for name in "$@"; do
  case "$name" in
    ai-sdk) npm install --silent --no-audit --no-fund --prefix "$folder/ai-sdk" ai @ai-sdk/openai ;;
    pipecat) environment pipecat "pipecat-ai[openai]" ;;
    livekit) environment livekit livekit-agents livekit-plugins-openai ;;
    wyoming-openai) environment wyoming-openai wyoming-openai ;;
    *) echo "no client is called $name" >&2 && exit 1 ;;
  esac
done
