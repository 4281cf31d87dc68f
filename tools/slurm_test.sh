#!/usr/bin/env bash
# Tests under Slurm; see launch.sh for the variables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
need 4 'PARTITION JOB_NAME CONFIG CHECKPOINT [ARGUMENTS]...' "$@"
by_slurm "$1" "$2" test.py "$3" "$4" "${@:5}"
