#!/usr/bin/env bash
# Engines of the kind that phones have, as Python environments of their own: Qualcomm's NPU simulator, with LiteRT's
# compiler for its chips (htp), and LiteRT's GPU engine on a software driver (gpu). x86-64 Debian or Ubuntu; needs no
# root, installs nothing, and takes 0.8 GB.
# usage: fetch.sh FOLDER PYTHON [htp] [gpu]   (both by default)
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
python=$(realpath --no-symlinks "$(command -v "$2")")  # by its whole path, since the folder is changed below
shift 2
[ "$(uname -m)" = x86_64 ] || { echo "the simulators are for x86-64" >&2; exit 2; }

for engine in ${@:-htp gpu}; do case $engine in htp | gpu) ;; *) echo "no engine $engine: htp and gpu" >&2; exit 2 ;; esac; done
for engine in ${@:-htp gpu}; do
  rm -rf "${folder:?}/$engine"
  "$python" -m venv "$folder/$engine"
  case $engine in
    htp) wheels="onnxruntime==1.32.0 onnxruntime-qnn==2.7.0 ai-edge-litert==2.3.0 ai-edge-litert-sdk-qualcomm==2.3.0 numpy==2.2.6" ;;
    gpu) wheels="ai-edge-litert==2.3.0 numpy==1.26.4" ;;
  esac
  # shellcheck disable=SC2086
  "$folder/$engine/bin/python" -m pip install --quiet --disable-pip-version-check $wheels
  if [ "$engine" = htp ]; then
    # the compiler looks for Qualcomm's libraries in LiteRT's package for them, which has none; onnxruntime's has all
    # but libQnnLpai, for another engine of the chip: of that only the name is asked for
    packages=$("$folder/htp/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
    libraries=$packages/ai_edge_litert_sdk_qualcomm/data/lib/x86_64-linux-clang
    mkdir -p "$libraries"
    ln -s "$packages"/onnxruntime_qnn/*.so "$packages"/onnxruntime_qnn.libs/* "$libraries/"
    ln -s libQnnSaver.so "$libraries/libQnnLpai.so"
    touch "$folder/htp/.compiler"
  fi
  if [ "$engine" = gpu ]; then
    command -v apt-get >/dev/null || { echo "the gpu engine needs apt-get: run it on Debian or Ubuntu" >&2; exit 2; }
    debs=$(mktemp -d)
    (cd "$debs" && apt-get --quiet=2 download libvulkan1)
    dpkg-deb --extract "$debs"/libvulkan1_*.deb "$debs/vulkan"
    cp -a "$debs"/vulkan/usr/lib/*/libvulkan.so.1* "$folder/gpu/lib/"
    driver=
    for place in /usr/lib/chromium /usr/lib/chromium-browser /opt/google/chrome; do
      [ ! -e "$place/libvk_swiftshader.so" ] || driver=$place/libvk_swiftshader.so
    done
    if [ -z "$driver" ]; then
      (cd "$debs" && apt-get --quiet=2 download chromium)
      dpkg-deb --extract "$debs"/chromium_*.deb "$debs/chromium"
      driver=$debs/chromium/usr/lib/chromium/libvk_swiftshader.so
    fi
    cp "$driver" "$folder/gpu/lib/libvk_swiftshader.so"
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.1.0"}}\n' \
      "$folder/gpu/lib/libvk_swiftshader.so" > "$folder/gpu/icd.json"
    rm -rf "$debs"
  fi
  touch "$folder/$engine/.ready"
done
