#!/usr/bin/env bash
# Functions of dist_*.sh and slurm_*.sh, which source this file.
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${PYTHON:-python}
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"

# need NUMBER USAGE ARGUMENTS...: prints the usage if arguments are missing.
need() {
    if (($# - 2 < $1)); then
        echo "usage: $0 $2" >&2
        exit 2
    fi
}

# by_torchrun PROCESSES TOOL ARGUMENTS...: starts processes on this machine,
# one per GPU, or with gloo on the CPU. NNODES, NODE_RANK, MASTER_ADDR and
# PORT describe a run on several machines.
by_torchrun() {
    exec "$PYTHON" -m torch.distributed.run \
        --nnodes="${NNODES:-1}" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="${PORT:-29500}" \
        --nproc_per_node="$1" \
        "$TOOLS/$2" "${@:3}" --launcher pytorch
}

# by_slurm PARTITION JOB_NAME TOOL ARGUMENTS...: starts a Slurm job. The
# variables GPUS (number of processes), GPUS_PER_NODE, CPUS_PER_TASK and
# SRUN_ARGS describe it. Without GPUs, set GPUS_PER_NODE=0 and TASKS_PER_NODE.
# Two jobs on one node need different values of MASTER_PORT.
by_slurm() {
    local per_node=${GPUS_PER_NODE:-8} extra
    # SRUN_ARGS can contain several options: split it into words.
    read -ra extra <<<"${SRUN_ARGS:-}"
    if ((per_node > 0)); then
        extra=("--gres=gpu:$per_node" ${extra[@]+"${extra[@]}"})
    fi
    exec srun --partition="$1" --job-name="$2" \
        --ntasks="${GPUS:-8}" \
        --ntasks-per-node="${TASKS_PER_NODE:-$per_node}" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        ${extra[@]+"${extra[@]}"} \
        "$PYTHON" -u "$TOOLS/$3" "${@:4}" --launcher slurm
}
