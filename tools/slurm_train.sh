#!/usr/bin/env bash
# Trains under Slurm.
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [ARGUMENTS]...
# GPUS (all processes), GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS shape the
# job. Without GPUs set GPUS_PER_NODE=0 and TASKS_PER_NODE. Two jobs that share
# a node need two values of MASTER_PORT.
set -euo pipefail
if (($# < 4)); then
    echo "usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR [ARGUMENTS]..." >&2
    exit 2
fi
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
TASKS_PER_NODE=${TASKS_PER_NODE:-$GPUS_PER_NODE}
# Word splitting is wanted here: several options in one variable.
read -ra EXTRA <<<"${SRUN_ARGS:-}"
if ((GPUS_PER_NODE > 0)); then
    EXTRA=("--gres=gpu:$GPUS_PER_NODE" ${EXTRA[@]+"${EXTRA[@]}"})
fi

PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" \
    exec srun --partition="$1" --job-name="$2" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$TASKS_PER_NODE" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${EXTRA[@]+"${EXTRA[@]}"} \
    "${PYTHON:-python}" -u "$TOOLS/train.py" "$3" --work-dir "$4" \
    --launcher slurm "${@:5}"
