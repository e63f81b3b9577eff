#!/usr/bin/env bash
# Builds the image without any registry: a Debian root file system, then the Dockerfile with no network.
# Environment: DOCKER_HOST as usual; YUNEI_BASE and YUNEI_IMAGE name the two images; YUNEI_ROOTFS keeps the tar.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${YUNEI_BASE:-yunei-base:bookworm}
image=${YUNEI_IMAGE:-yunei:local}
rootfs=${YUNEI_ROOTFS:-dist/rootfs.tar}

require() {
  command -v "$1" >/dev/null || { echo "needs $1: sudo apt-get install -y $2" >&2; exit 1; }
}

require docker docker.io
compgen -G 'wheelhouse/yunei-*.whl' >/dev/null || { echo "needs the wheelhouse: make wheelhouse" >&2; exit 1; }

if ! docker image inspect "$base" >/dev/null 2>&1; then
  if [ ! -s "$rootfs" ]; then
    require mmdebstrap mmdebstrap
    mkdir -p "$(dirname "$rootfs")"
    mmdebstrap --quiet --format=tar --variant=minbase --include=python3,python3-venv \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      --customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*' \
      bookworm "${rootfs%.tar}.part.tar"
    mv "${rootfs%.tar}.part.tar" "$rootfs"
  fi
  docker import --change 'CMD ["/bin/sh"]' "$rootfs" "$base" >/dev/null
fi

# The classic builder is asked for by name: Debian's docker.io ships no buildx, without which BuildKit refuses to start.
DOCKER_BUILDKIT=0 docker build --network none --build-arg "BASE=$base" --tag "$image" .
docker image inspect --format '{{.RepoTags}} {{.Size}} bytes {{.Id}}' "$image"
