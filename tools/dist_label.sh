#!/usr/bin/env bash
# Labels with one process per GPU; see launch.sh for the variables. OUT must
# be on a disk that all machines share.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
need 4 'CONFIG CHECKPOINT OUT PROCESSES [ARGUMENTS]...' "$@"
by_torchrun "$4" label.py "$1" "$2" "$3" "${@:5}"
