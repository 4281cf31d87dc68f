#!/usr/bin/env bash
# Labels with one process per GPU, or with gloo where there is none.
#   tools/dist_label.sh CONFIG CHECKPOINT OUT PROCESSES [ARGUMENTS]...
# PROCESSES are those of this machine. NNODES, NODE_RANK, MASTER_ADDR and PORT
# describe a run on several; OUT lies on a disk that they share.
set -euo pipefail
if (($# < 4)); then
    echo "usage: $0 CONFIG CHECKPOINT OUT PROCESSES [ARGUMENTS]..." >&2
    exit 2
fi
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" \
    exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$4" \
    "$TOOLS/label.py" "$1" "$2" "$3" --launcher pytorch "${@:5}"
