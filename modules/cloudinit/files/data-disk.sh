#!/bin/sh
# Mounts the service's data disk, and makes a file system on it when it is
# blank. A disk that holds anything else is never written to. It is run at each
# boot, before the service; running it again is safe.
set -eu
umask 077
root="${SKYSAIL_ROOT:-}"
kind='' data_devices=''
# shellcheck source=/dev/null
. "$root/etc/skysail/install.env"
home="$root/var/lib/skysail"
patience=300 # seconds for a disk that is attached while the machine boots

say() { echo "skysail data disk: $*" >&2; }

fail() {
	say "$*"
	exit 1
}

# A folder inside the file system, as some programs refuse lost+found.
folder() {
	[ ! -d "$home/disk/data" ] || return 0
	mkdir "$home/disk/data.new"
	if [ -z "$root" ]; then
		case "$kind" in
		native) chown skysail: "$home/disk/data.new" ;;
		# A container's user is the image's business; only root gets as far
		# as this folder.
		*) chmod 1777 "$home/disk/data.new" ;;
		esac
	fi
	mv "$home/disk/data.new" "$home/disk/data"
}

devices() {
	for pattern in $data_devices; do
		for device in $pattern; do
			[ ! -b "$device" ] || readlink -f "$device"
		done
	done | sort -u
}

# look sets found to the disk that has a file system, else blank to the one
# that has nothing at all.
look() {
	found='' blank=''
	for device in $(devices); do
		# Whole disks only. The boot disk has partitions, a used one is mounted.
		[ "$(lsblk -ndro TYPE "$device")" = disk ] || continue
		[ "$(lsblk -nro NAME "$device" | wc -l)" -eq 1 ] || continue
		[ -z "$(lsblk -nro MOUNTPOINT "$device")" ] || continue
		type="$(blkid -p -s TYPE -o value "$device" 2>/dev/null || true)"
		case "$type" in
		ext4 | xfs)
			[ -z "$found" ] || fail "both $found and $device have a file system: which one is meant is not to be guessed"
			found="$device"
			;;
		'')
			if [ "$(head -c 1048576 "$device" | wc -c)" -eq 1048576 ] &&
				[ "$(head -c 1048576 "$device" | tr -d '\000' | wc -c)" -eq 0 ]; then
				[ -z "$blank" ] || fail "both $blank and $device are blank: which one is meant is not to be guessed"
				blank="$device"
			else
				say "$device is not blank, and holds no file system of ours: left alone"
			fi
			;;
		*) say "$device holds $type: left alone" ;;
		esac
	done
}

# known sets found to the disk that was mounted at an earlier boot.
known() {
	found="$(blkid -U "$uuid" 2>/dev/null || true)" blank=''
}

if [ -n "$root" ]; then
	say "a simulated instance has no disks: a folder stands for it"
	mkdir -p "$home/disk"
	folder
	exit 0
fi

mkdir -p "$home/disk"
if ! mountpoint -q "$home/disk"; then
	uuid=''
	[ ! -s "$home/disk.uuid" ] || uuid="$(cat "$home/disk.uuid")"
	waited=0
	while :; do
		if [ -n "$uuid" ]; then known; else look; fi
		[ -z "$found$blank" ] || break
		[ "$waited" -lt "$patience" ] || fail "no disk appeared at $data_devices within $patience seconds"
		sleep 2
		waited=$((waited + 2))
	done
	if [ -z "$found" ]; then
		say "$blank is blank: making a file system"
		mkfs.ext4 -q -L skysail-data "$blank"
		found="$blank"
	fi
	uuid="$(blkid -p -s UUID -o value "$found")"
	mount -o noatime,nodev,nosuid "UUID=$uuid" "$home/disk" ||
		mount -o noatime,nodev,nosuid "$found" "$home/disk"
	echo "$uuid" >"$home/disk.uuid.new"
	mv -f "$home/disk.uuid.new" "$home/disk.uuid"
fi
folder
