#!/usr/bin/env bash
# A Debian with Swift in a folder, to build and test deploy/ios off Apple: 3.4 GB, of which 0.9 are downloaded. Debian or
# Ubuntu with debootstrap; needs root, installs nothing outside the folder. What is there is kept.
# usage: fetch.sh FOLDER
set -euo pipefail
[ ! -e "$1/.ready" ] || exit 0
command -v debootstrap >/dev/null || { echo "Swift needs debootstrap: apt-get install debootstrap" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "Swift needs root, for debootstrap and chroot" >&2; exit 2; }
debootstrap --variant=minbase --include=swiftlang,libc6-dev,libstdc++-14-dev,git trixie "$1" http://deb.debian.org/debian >/dev/null
touch "$1/.ready"
