#!/usr/bin/env bash
# container.sh PYTHON: builds the image of the Containerfile and runs tests/integrations/test_container.py on it.
# Needs buildah and root; a package index too. BASE=NAME builds on that image. Without it a small Debian with Python is
# made here by mmdebstrap, with this machine's certificates and settings of apt and pip, so that no image is fetched.
set -euo pipefail
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(git -C "$(dirname "$0")" rev-parse --show-toplevel)"
suite=trixie  # What python:3.13-slim is made of.
for program in buildah ${BASE:-mmdebstrap}; do
  [ "$program" = "${BASE:-}" ] || command -v "$program" >/dev/null || missing="${missing:-} $program"
done
[ "$(id -u)" = 0 ] || missing="${missing:-} root"
if [ -n "${missing:-}" ]; then
  echo "NOT TESTED: the container image; it needs:$missing"
  exit 0
fi

folder=$(mktemp -d)
trap 'buildah rm --all >/dev/null 2>&1 || true; rm -rf --one-file-system "$folder"' EXIT
# A store of its own: no image of this machine is read, none stays.
cat > "$folder/storage.conf" <<TOML
[storage]
driver = "vfs"
graphroot = "$folder/store"
runroot = "$folder/run"
TOML
export CONTAINERS_STORAGE_CONF="$folder/storage.conf" TMPDIR="$folder" BUILDAH_ISOLATION=chroot

# What this machine lacks is no fault of the image.
skip() {
  echo "NOT TESTED: the container image; $1"
  exit 0
}

base=${BASE:-localhost/cnpfix-base}
if [ -z "${BASE:-}" ]; then
  apt-config dump | grep -E '^Acquire::(http|https|Check-[A-Za-z-]*)\b' > "$folder/apt.conf" || true
  options=(--aptopt="$folder/apt.conf" --dpkgopt=force-unsafe-io)
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
    [ ! -e "$file" ] || options+=(--customize-hook="copy-in $file $(dirname "$file")")
  done
  # Debian's own slim images lack the same documentation.
  for files in doc locale man; do options+=(--dpkgopt="path-exclude=/usr/share/$files/*"); done
  mmdebstrap --quiet --variant=minbase --include=python3-venv,ca-certificates "${options[@]}" "$suite" "$folder/base.tar" \
    || skip "no Debian to build it on could be made"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder/base.tar" / >/dev/null
  buildah commit --quiet --rm "$container" "$base" >/dev/null
  rm "$folder/base.tar"
fi

container=$(buildah from "$base")
buildah run --network host "$container" -- true || skip "buildah cannot run a program in a container here"
buildah rm "$container" >/dev/null

buildah build --quiet --network host --build-arg BASE="$base" --tag localhost/cnpfix . >/dev/null
CNPFIX_CONTAINER_IMAGE=localhost/cnpfix CNPFIX_CONTAINER_BASE="$base" \
  "$python" -m pytest -s tests/integrations/test_container.py
