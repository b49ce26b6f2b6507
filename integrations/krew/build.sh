#!/usr/bin/env bash
# build.sh PYTHON: the archive for krew, dist/kubectl-cnpfix.tar.gz. It holds cnpfix with the extra `cluster`, and no
# compiled file, so that one archive is for every system with Python 3.11 or newer.
set -euo pipefail
python=$1
work=build/krew
rm -rf "$work" && mkdir -p "$work/plugin" dist
pip=("$python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" shiv
"${pip[@]}" --target "$work/site" --constraint integrations/krew/constraints.txt ".[cluster]"
# PyYAML and charset-normalizer do without their compiled parts; google-auth does without cryptography.
rm -rf "$work"/site/bin "$work"/site/cryptography* "$work"/site/cffi* "$work"/site/_cffi_backend* "$work"/site/pycparser*
find "$work/site" -name '*.so' -delete
find "$work/site" -name '__pycache__' -type d -prune -exec rm -rf {} +
if grep -rlE '^Root-Is-Purelib: false' --include=WHEEL "$work/site" | grep -vE 'pyyaml|PyYAML|charset_normalizer'; then
  echo "these are compiled, and may not run without their compiled parts" >&2; exit 1
fi
"$python" -m shiv.cli --compressed --site-packages "$work/site" --console-script kubectl-cnpfix \
  --python '/usr/bin/env python3' --output-file "$work/plugin/kubectl-cnpfix" > /dev/null
cp LICENSE "$work/plugin/"
tar -C "$work/plugin" --sort=name --owner=0 --group=0 -czf dist/kubectl-cnpfix.tar.gz kubectl-cnpfix LICENSE
sha256sum dist/kubectl-cnpfix.tar.gz
