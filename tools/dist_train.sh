#!/usr/bin/env bash
# Trains with one process per GPU; see launch.sh for the variables.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
need 2 'CONFIG PROCESSES [ARGUMENTS]...' "$@"
by_torchrun "$2" train.py "$1" "${@:3}"
