#!/bin/sh
# R's numbers anew: data sets by Python into a folder that goes, R over them, JSON beside the scripts.
set -eu
python="${1:-python3}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
here="$(cd "$(dirname "$0")" && pwd)"
"$python" -m tests.reference.data_sets "$folder"
for script in survival cox growth; do
  Rscript --vanilla "$here/$script.R" "$folder" "$here/../numbers"
done
