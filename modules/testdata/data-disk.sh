#!/bin/sh
# Tries data-disk.sh on loop devices, in a mount namespace of its own. $1 is the
# script with paths below $2 in the place of the machine's.
set -eu
script="$1" dir="$2"
loops=''
clean() {
	umount "$dir/lib/disk" 2>/dev/null || true
	for l in $loops; do losetup -d "$l"; done
}
trap clean EXIT
disk() { # disk NAME: sets device to a new blank one
	truncate -s 32M "$dir/$1.img"
	device="$(losetup --find --show "$dir/$1.img")"
	loops="$loops $device"
	ln -s "$device" "$dir/dev-$1"
}
run() { # run NAME PATTERN
	printf "kind='native'\ndata_devices='%s'\n" "$2" >"$dir/install.env"
	if sh "$script" >"$dir/said" 2>&1; then echo "$1: mounted"; else echo "$1: $(tail -n 1 "$dir/said" | sed "s|/dev/loop[0-9]*|DISK|g; s|$dir|DIR|g")"; fi
}
mkdir -p "$dir/lib"
run "no disk" "$dir/dev-*"
disk foreign
printf 'precious' | dd of="$device" bs=1 seek=4096 conv=notrunc status=none
run "a disk that holds something" "$dir/dev-*"
echo "its content: $(dd if="$device" bs=1 skip=4096 count=8 status=none)"
disk swap
mkswap -q "$device" >/dev/null 2>&1
run "and one with swap" "$dir/dev-*"
disk first
first="$device"
run "and a blank one" "$dir/dev-*"
echo kept >"$dir/lib/disk/data/file"
run "again" "$dir/dev-*"
umount "$dir/lib/disk"
disk second
run "next boot, with another blank one" "$dir/dev-*"
echo "the file: $(cat "$dir/lib/disk/data/file")"
echo "the other: $(blkid -p -s TYPE -o value "$device" || true)"
umount "$dir/lib/disk"
rm "$dir/lib/disk.uuid"
run "a machine made anew finds its disk" "$dir/dev-*"
echo "the file: $(cat "$dir/lib/disk/data/file")"
umount "$dir/lib/disk"
rm "$dir/lib/disk.uuid"
losetup -d "$first"
loops="$(echo "$loops" | sed "s|$first||")"
disk third
run "two blank ones" "$dir/dev-second $dir/dev-third"
