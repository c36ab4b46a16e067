#!/usr/bin/env bash
# The Swift of deploy/ios in the Debian of fetch.sh: the package's golden test with every warning an error, then the app's
# types against stubs of Apple's frameworks (tests/deploy/ios/stubs).
# usage: test.sh FOLDER [test | types]   (both by default)
set -euo pipefail
root=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$root/w
mkdir -p "$work/deploy" "$work/stubs"
cp -a "$here/deploy/ios" "$here/deploy/golden" "$here/deploy/contract.json" "$work/deploy/"  # what was built stays
cp -a "$here/tests/deploy/ios/." "$work/stubs/"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin sh -euc "$1"; }

if [ "${2:-test}" = test ]; then
  inside 'cd /w/deploy/ios/Landmarks && swift test -Xswiftc -warnings-as-errors'
fi
if [ "${2:-types}" = types ]; then
  inside '
    rm -rf /w/modules && mkdir /w/modules && cd /w/modules
    module() { name=$1; shift; swiftc -emit-module -module-name "$name" -parse-as-library -I . -o "$name.swiftmodule" "$@"; }
    module Landmarks /w/deploy/ios/Landmarks/Sources/Landmarks/*.swift
    for name in CoreVideo Combine AVFoundation CoreML Vision SwiftUI; do module $name /w/stubs/stubs/$name.swift; done
    cd /w/deploy/ios/Demo.swiftpm
    swiftc -typecheck -parse-as-library -warnings-as-errors -I /w/modules $(ls *.swift | grep -v "^Package.swift$") /w/stubs/Module.swift
    echo "the types of the app fit"
  '
fi
