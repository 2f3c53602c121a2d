#!/bin/sh
# Boot a machine of its own over this one: nothing that it writes is left, and none of our services run in it.
# boot.sh DIRECTORY NAME REPOSITORY: DIRECTORY is empty, REPOSITORY is to be seen in there, at the same path.
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
tr -d - < /proc/sys/kernel/random/uuid > "$1/root/etc/machine-id"
rm -rf "$1"/root/etc/systemd/system/*.wants "$1"/root/etc/rc?.d/S*
chmod go+x "$1/root/root"  # www-data is to run a Python that may be in there
exec systemd-nspawn --quiet --directory="$1/root" --register=no --keep-unit --boot --console=pipe --machine="$2" \
    --bind-ro="$3" --system-call-filter=pidfd_getfd --kill-signal=SIGRTMIN+4
