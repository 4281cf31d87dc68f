#!/usr/bin/env bash
# How dist_*.sh and slurm_*.sh start a tool; they source this file.
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${PYTHON:-python}
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"

# need NUMBER WORDS ARGUMENTS...: ends with the usage if there are fewer.
need() {
    if (($# - 2 < $1)); then
        echo "usage: $0 $2" >&2
        exit 2
    fi
}

# by_torchrun PROCESSES TOOL ARGUMENTS...: one process per GPU of this
# machine, or with gloo where there is none. NNODES, NODE_RANK, MASTER_ADDR
# and PORT describe a run on several.
by_torchrun() {
    exec "$PYTHON" -m torch.distributed.run \
        --nnodes="${NNODES:-1}" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="${PORT:-29500}" \
        --nproc_per_node="$1" \
        "$TOOLS/$2" "${@:3}" --launcher pytorch
}

# by_slurm PARTITION JOB_NAME TOOL ARGUMENTS...: GPUS (all processes),
# GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS shape the job. Without GPUs set
# GPUS_PER_NODE=0 and TASKS_PER_NODE. Two jobs that share a node need two
# values of MASTER_PORT.
by_slurm() {
    local per_node=${GPUS_PER_NODE:-8} extra
    # Word splitting is wanted here: several options in one variable.
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
