#!/usr/bin/env bash
# Tests with one process per GPU, or with gloo where there is none.
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [ARGUMENTS OF test.py]...
# PROCESSES are those of this machine. NNODES, NODE_RANK, MASTER_ADDR and PORT
# describe a run on several.
set -euo pipefail
if (($# < 3)); then
    echo "usage: $0 CONFIG CHECKPOINT PROCESSES [ARGUMENTS OF test.py]..." >&2
    exit 2
fi
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" \
    exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$3" \
    "$TOOLS/test.py" "$1" "$2" --launcher pytorch "${@:4}"
