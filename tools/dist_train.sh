#!/usr/bin/env bash
# Trains with one process per GPU, or with gloo where there is none.
#   tools/dist_train.sh CONFIG PROCESSES [ARGUMENTS OF train.py]...
# PROCESSES are those of this machine. NNODES, NODE_RANK, MASTER_ADDR and PORT
# describe a run on several.
set -euo pipefail
if (($# < 2)); then
    echo "usage: $0 CONFIG PROCESSES [ARGUMENTS OF train.py]..." >&2
    exit 2
fi
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" \
    exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$2" \
    "$TOOLS/train.py" "$1" --launcher pytorch "${@:3}"
