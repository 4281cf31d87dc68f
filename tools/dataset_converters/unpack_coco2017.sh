#!/usr/bin/env bash
# Unpacks COCO 2017 after `mim download mmboxcaseg --dataset coco2017`.
#   unpack_coco2017.sh DOWNLOADS DATA_ROOT
# The archives may be anywhere in DOWNLOADS, and are kept.
set -euo pipefail
if (($# != 2)); then
    echo "usage: $0 DOWNLOADS DATA_ROOT" >&2
    exit 2
fi
for name in train2017 val2017 annotations_trainval2017; do
    archive=$(find "$1" -name "$name.zip" -print -quit)
    if [[ -z $archive ]]; then
        echo "$name.zip is not in $1" >&2
        exit 1
    fi
    unzip -nq "$archive" -d "$2"
done
