#!/usr/bin/env bash
# Builds user-mode Linux with time travel once for each HZ into samples/record/kernels/, which git ignores.
# Needs Debian's linux-source-6.1, flex, bison, bc and libelf-dev: `kernels.sh` for all four, `kernels.sh 250` for one.
set -euo pipefail
cd "$(dirname "$0")"
source_package=/usr/src/linux-source-6.1.tar.xz
[ -e "$source_package" ] || { echo "missing $source_package: apt-get install linux-source-6.1 flex bison bc libelf-dev" >&2; exit 1; }

mkdir -p kernels
cd kernels
if [ ! -e source/.unpacked ]; then
  mkdir -p source
  tar -xf "$source_package" -C source --strip-components=1
  # User-mode Linux has a fixed HZ; let it come from the environment of make.
  sed -i '/^config HZ$/,/default/ s/default .*/default $(UML_HZ)/' source/arch/um/Kconfig
  touch source/.unpacked
fi

export ARCH=um
for hz in "${@:-100 250 300 1000}"; do
  for UML_HZ in $hz; do
    [ -x "linux-hz$UML_HZ" ] && continue
    export UML_HZ
    objects=$PWD/objects-hz$UML_HZ
    mkdir -p "$objects"
    make -C source O="$objects" --silent defconfig
    source/scripts/kconfig/merge_config.sh -m -O "$objects" "$objects/.config" ../kernel.config >/dev/null
    make -C source O="$objects" --silent olddefconfig
    grep -qx "CONFIG_HZ=$UML_HZ" "$objects/.config"
    nice -n 5 make -C source O="$objects" --silent -j2 linux
    strip -o "linux-hz$UML_HZ" "$objects/linux"
    rm -rf "$objects"
  done
done
