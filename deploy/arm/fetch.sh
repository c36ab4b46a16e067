#!/usr/bin/env bash
# An Arm computer in a folder: QEMU's user-mode emulator, Debian's Python for arm64 and the aarch64 wheels of the runtime.
# Debian or Ubuntu; needs no root, installs nothing, changes no package list. It downloads about 140 MB.
# usage: fetch.sh FOLDER PYTHON  (PYTHON has pip; the wheels' versions are those of requirements.lock)
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
python=$(realpath --no-symlinks "$(command -v "$2")")  # by its whole path, since the folder is changed below
command -v apt-get >/dev/null || { echo "verify-arm needs apt-get: run it on Debian or Ubuntu" >&2; exit 2; }

cd "$folder"
rm -rf root host site debs
mkdir -p root host site debs apt/lists/partial apt/cache/archives/partial
touch apt/status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" > apt/sources.list
cat > apt/apt.conf <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; "amd64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "$folder/apt";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt/cache";
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "-";
CONF
export APT_CONFIG="$folder/apt/apt.conf"
apt-get --quiet=2 update
libraries="libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libffi8 libssl3 liblzma5 libbz2-1.0"
(cd debs && apt-get --quiet=2 download qemu-user-static:amd64 python3.11-minimal libpython3.11-minimal \
  libpython3.11-stdlib $libraries)
unset APT_CONFIG
for package in debs/*_arm64.deb; do dpkg-deb --extract "$package" root; done
dpkg-deb --extract debs/qemu-user-static_*_amd64.deb host

# the runtime asks /proc/cpuinfo what it runs on, and dies of this computer's answer; the emulator looks in root first
mkdir -p root/proc
for core in 0 1; do
  printf '%s\t: %s\n' processor $core BogoMIPS 50.00 \
    Features "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp" \
    "CPU implementer" 0x41 "CPU architecture" 8 "CPU variant" 0x3 "CPU part" 0xd0b "CPU revision" 1
  echo
done > root/proc/cpuinfo

# OpenCV's headless wheel of the same version has no windows, and asks for no graphics libraries
sed -nE 's/^opencv-contrib-python==/opencv-python-headless==/; /^(ai-edge-litert|msgspec|numpy|opencv-python-headless)==/p' \
  "$here/requirements.lock" > wheels.txt
"$python" -m pip install --quiet --no-deps --only-binary :all: --python-version 3.11 --implementation cp \
  --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --target site --requirement wheels.txt
rm -rf debs apt host/usr/share
find host/usr/bin -type f ! -name qemu-aarch64-static -delete
touch .ready
