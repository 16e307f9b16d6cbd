#!/usr/bin/env bash
# Makes a small Linux guest out of Debian's own kernel and busybox, and prints the folder that it is in:
#   vmlinuz      the kernel
#   initrd.img   busybox, the modules that virtiofs needs, and the init beside this file, which runs a script from the
#                kernel's command line
# Kept in $TVIX_GUEST_CACHE (or $XDG_CACHE_HOME/tvix-e2e), so that the 70 MB of the kernel's package come only once.
# Needs apt-get, dpkg-deb, busybox-static, cpio.
set -euo pipefail

cache="${TVIX_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tvix-e2e}"
here="$(cd "$(dirname "$0")" && pwd)"
kernel="$(apt-cache depends --no-recommends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n1)"
recipe="$(cat "$0" "$here/init" | sha256sum | cut -c1-12)"
guest="$cache/$kernel-$recipe"
if [ ! -e "$guest/initrd.img" ]; then
  if ldd /bin/busybox >/dev/null 2>&1; then
    echo "/bin/busybox needs libraries that the guest has not: install busybox-static" >&2
    exit 1
  fi
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/making.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && apt-get download -qq "$kernel" >&2 && dpkg-deb -x "$kernel"_*.deb package)

  root="$work/root"
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,mnt,modules}
  cp /bin/busybox "$root/bin/busybox"
  # In the order in which they need each other.
  for module in virtio/virtio virtio/virtio_ring virtio/virtio_pci_modern_dev virtio/virtio_pci_legacy_dev virtio/virtio_pci; do
    find "$work/package/lib/modules" -path "*/drivers/$module.ko" -exec cp {} "$root/modules/" \;
  done
  for module in fuse virtiofs; do
    find "$work/package/lib/modules" -path "*/fs/fuse/$module.ko" -exec cp {} "$root/modules/" \;
  done
  cp "$here/init" "$root/init"
  chmod 755 "$root/init"

  mkdir "$work/guest"
  cp "$work"/package/boot/vmlinuz-* "$work/guest/vmlinuz"
  (cd "$root" && find . | cpio --quiet -o -H newc | gzip -9) >"$work/guest/initrd.img"
  mv -T "$work/guest" "$guest" 2>/dev/null || [ -e "$guest/initrd.img" ]
fi
echo "$guest"
