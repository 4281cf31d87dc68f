#!/usr/bin/env bash
# Makes or completes the virtual environment of the project: ./.venv with the
# pinned stack, the tools for tests and lint, and the package itself.
#
#   tools/setup_env.sh          (or `make setup`, which skips it when done)
#
# PYTHON          interpreter to build the environment from
# PIP_FIND_LINKS  folders with wheels; onedl-mmcv is compiled if it has no wheel
# MAX_JOBS        parallel compile jobs, all cores by default
#
# Each step skips what is installed already, so an interrupted set-up continues
# where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=$PWD/.venv
PY=$VENV/bin/python
LOG=$VENV/setup.log
# torch finds ninja on the PATH only, and the environment is not activated.
export PATH=$VENV/bin:$PATH
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf '%02d:%02d  %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

die() {
    printf '\nset-up: %s\n' "$1" >&2
    exit 1
}

python_fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' \
        2>/dev/null
}

make_venv() {
    # Running venv over a half-made environment completes it.
    if ! "$PY" -m pip --version >/dev/null 2>&1; then
        local candidate python=
        for candidate in ${PYTHON:-python3.11 python3.12 python3.10 python3}; do
            if python_fits "$candidate"; then
                python=$candidate
                break
            fi
        done
        [[ -n $python ]] || die "no Python 3.10, 3.11 or 3.12 found (tried: \
${PYTHON:-python3.11 python3.12 python3.10 python3}). Install one, or name \
it: make setup PYTHON=/path/to/python3.11"
        say "virtual environment .venv from $("$python" --version)"
        "$python" -m venv "$VENV" ||
            die "'$python -m venv' failed. On Debian: apt install python3-venv"
    fi
    python_fits "$PY" || die "the existing .venv has $("$PY" --version), \
but 3.10, 3.11 or 3.12 is needed. Remove .venv and start again."
}

# Writes all output of pip to the log, and prints the lines that show progress.
progress() {
    local line shown=-10
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$LOG"
        if [[ $line =~ ^[[:space:]]*\[([0-9]+)/([0-9]+)\] ]]; then
            # A step of ninja: one line in ten seconds is enough.
            if ((SECONDS - shown >= 10)); then
                say "  compiling, step ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"
                shown=$SECONDS
            fi
        elif [[ $line =~ Downloading\ ([^ ]+)\ (\([0-9.]+\ [MG]B\)) ]]; then
            say "  downloading ${BASH_REMATCH[1]##*/} ${BASH_REMATCH[2]}"
        elif [[ $line == 'Installing collected packages: '* ]]; then
            line=${line#*: }
            say "  installing $(tr -cd , <<<"$line," | wc -c) packages"
        elif [[ $line =~ (^|[[:space:]])(error|ERROR|fatal): ]]; then
            printf '%s\n' "$line" >&2
        fi
    done
}

# pip_install DESCRIPTION ARGUMENTS...
pip_install() {
    say "$1"
    shift
    if ! "$PY" -m pip install "$@" 2>&1 | progress; then
        tail -n 20 "$LOG" >&2
        die "pip failed; the whole output is in $LOG"
    fi
}

# Both OpenCV distributions are required by some package, and the one
# installed last wins; the full one needs libGL, which a bare machine lacks.
mend_cv2() {
    "$PY" -c 'import cv2' >>"$LOG" 2>&1 && return
    pip_install 'OpenCV without libGL' --force-reinstall --no-deps \
        -c requirements.txt opencv-python-headless
}

has_mmcv() {
    "$PY" - "$(sed -n 's/^onedl-mmcv==//p' requirements.txt)" \
        >>"$LOG" 2>&1 <<'EOF'
import sys

import mmcv.ops
sys.exit(mmcv.__version__ != sys.argv[1])
EOF
}

check_compiler() {
    command -v "${CXX:-c++}" >/dev/null || die "onedl-mmcv must be compiled, \
and there is no C++ compiler. On Debian: apt install g++"
    local header
    header=$("$PY" -c \
        'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    [[ -e $header ]] || die "onedl-mmcv must be compiled, and there is no \
$header. On Debian: apt install python3-dev"
}

install_mmcv() {
    local options=(--no-deps -c requirements.txt)
    has_mmcv && return
    if "$PY" -m pip install "${options[@]}" --only-binary :all: onedl-mmcv \
        >>"$LOG" 2>&1; then
        has_mmcv && say 'onedl-mmcv from a wheel' && return
        say 'onedl-mmcv: the wheel found does not fit this torch'
        options+=(--force-reinstall --no-cache-dir --no-binary onedl-mmcv)
    fi
    check_compiler
    export MAX_JOBS=${MAX_JOBS:-$(nproc)}
    # Debug information doubles the time and the size of the build.
    export CFLAGS="${CFLAGS:-} -g0"
    # With build isolation, the build would not find torch.
    pip_install "onedl-mmcv: compiling it with $MAX_JOBS jobs (about 10 \
minutes on two cores)" -v "${options[@]}" --no-build-isolation onedl-mmcv
    has_mmcv || die "onedl-mmcv was compiled and cannot be imported; see $LOG"
}

main() {
    make_venv
    : >"$LOG"
    # mmcv's metadata needs setuptools 77; 82 drops pkg_resources, which torch
    # and mmcv use.
    pip_install 'build tools' 'pip>=25' 'setuptools>=77,<82' wheel ninja psutil
    pip_install 'torch and the OpenMMLab stack (several GB the first time)' \
        -r <(grep -v '^onedl-mmcv==' requirements.txt) \
        -r tests/requirements.txt
    mend_cv2
    install_mmcv
    pip_install 'mmboxcaseg' --no-build-isolation --no-deps -e .
    "$PY" -c 'import mmboxcaseg' || die 'the package cannot be imported'
    say 'done'
}

main
