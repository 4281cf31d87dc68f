#!/usr/bin/env bash
# Labels under Slurm; see launch.sh for the variables. OUT must be on a disk
# that all machines share.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
need 5 'PARTITION JOB_NAME CONFIG CHECKPOINT OUT [ARGUMENTS]...' "$@"
by_slurm "$1" "$2" label.py "$3" "$4" "$5" "${@:6}"
