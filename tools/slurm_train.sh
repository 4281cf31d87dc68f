#!/usr/bin/env bash
# Trains under Slurm; see launch.sh for the variables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
need 4 'PARTITION JOB_NAME CONFIG WORK_DIR [ARGUMENTS]...' "$@"
by_slurm "$1" "$2" train.py "$3" --work-dir "$4" "${@:5}"
