#!/bin/sh
# Builds the sdist, the wheel and the bill of materials of the packages that run with it: release.sh PYTHON BIN
# The files are the same from every clone of a commit: times come from the commit.
set -eu
python=$1 bin=$2
[ -z "$(git status --porcelain)" ] || { echo 'release: commit your changes first' >&2; exit 1; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
rm -rf dist
"$bin/python" -m build -q --outdir dist .
wheel=$(ls dist/fuota-*.whl)

# The environment of a user with a receiver, from the wheel alone.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv --without-pip "$folder/env"
"$bin/uv" pip install -q --python "$folder/env/bin/python" "$wheel[sandbox,delta,keyring]"
"$bin/cyclonedx-py" environment --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON \
    -o "${wheel%-py3-none-any.whl}.cdx.json" "$folder/env/bin/python"
# The tool reads no version that is computed: it is added here.
"$bin/python" - "${wheel%-py3-none-any.whl}" <<'END'
import json, pathlib, sys
path = pathlib.Path(f"{sys.argv[1]}.cdx.json")
document = json.loads(path.read_text())
document["metadata"]["component"]["version"] = sys.argv[1].rpartition("-")[2]
path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
END
(cd dist && sha256sum fuota-* > SHA256SUMS)
ls dist
