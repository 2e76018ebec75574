#!/bin/sh
# Replaces the first SSH host key, which stood in Terraform's state, by one that
# never leaves this machine. In two steps, so that whoever connects knows both
# keys before the change: without input it makes the next key and prints its
# public half; given that line it changes over. Each step may be repeated.
set -eu
umask 077
root="${SKYSAIL_ROOT:-}"
key="$root/etc/ssh/ssh_host_ed25519_key"
next="$root/etc/ssh/skysail_next_host_key"
# A machine made of this one's snapshot has another such folder, and begins
# with a pinned key of its own.
marker="$root/var/lib/cloud/instance/skysail-host-key-rotated"

wanted="$(head -c 1024)"

if [ -z "$wanted" ]; then
	if [ -e "$marker" ]; then
		ssh-keygen -y -f "$key"
		exit 0
	fi
	if [ ! -s "$next" ]; then
		rm -f "$next.new" "$next.new.pub"
		ssh-keygen -q -t ed25519 -N '' -C '' -f "$next.new"
		rm -f "$next.new.pub"
		mv -f "$next.new" "$next"
	fi
	ssh-keygen -y -f "$next"
	exit 0
fi

same() { # same FILE: its public half is the wanted one
	[ -s "$1" ] && public="$(ssh-keygen -y -f "$1")" && [ "$public" = "$wanted" ]
}

if same "$next"; then
	# sshd would take an old public half for the new key's.
	rm -f "$key.pub"
	mv -f "$next" "$key"
elif ! same "$key"; then
	echo "skysail rotate-host-key: that key is not the next one of this machine" >&2
	exit 1
fi
ssh-keygen -y -f "$key" >"$key.pub.new"
chmod 0644 "$key.pub.new"
mv -f "$key.pub.new" "$key.pub"
: >"$marker"
# The other side forgets the old key now: it must not come back with a crash.
sync "$key" "$root/etc/ssh"
# A restart leaves sessions alone, this one too. --no-block, so that the answer
# is on its way first.
for unit in ssh.service sshd.service; do
	systemctl try-restart --no-block "$unit" 2>/dev/null || true
done
