#!/usr/bin/env bash
# Tests with one process per GPU; see launch.sh for the variables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
need 3 'CONFIG CHECKPOINT PROCESSES [ARGUMENTS]...' "$@"
by_torchrun "$3" test.py "$1" "$2" "${@:4}"
