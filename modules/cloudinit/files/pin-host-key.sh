# shellcheck shell=sh disable=SC2154 # main.tf puts host_key, host_key_public and sshd_config before this
root="${SKYSAIL_ROOT:-}"
marker="$root/var/lib/cloud/instance/skysail-host-key"
if [ ! -e "$marker" ]; then
	(
		set -eu
		umask 077
		mkdir -p "$root/etc/ssh/sshd_config.d" "${marker%/*}"
		printf '%s\n' "$host_key" >"$root/etc/ssh/skysail.new"
		mv -f "$root/etc/ssh/skysail.new" "$root/etc/ssh/ssh_host_ed25519_key"
		printf '%s\n' "$host_key_public" >"$root/etc/ssh/ssh_host_ed25519_key.pub"
		chmod 0644 "$root/etc/ssh/ssh_host_ed25519_key.pub"
		printf '%s' "$sshd_config" >"$root/etc/ssh/sshd_config.d/10-skysail.conf"
		for key in "$root"/etc/ssh/ssh_host_*; do
			case "$key" in
			*/ssh_host_ed25519_key | */ssh_host_ed25519_key.pub) ;;
			*) rm -f "$key" ;;
			esac
		done
		: >"$marker"
	)
	# One that runs already holds another key. --no-block: these wait for
	# this boot stage, so this stage must not wait for them.
	for unit in ssh.service sshd.service; do
		systemctl try-restart --no-block "$unit" 2>/dev/null || true
	done
	# Connections before there was any key may have made systemd give up.
	if systemctl is-failed --quiet ssh.socket 2>/dev/null; then
		systemctl reset-failed ssh.socket ssh.service 2>/dev/null || true
		systemctl start --no-block ssh.socket 2>/dev/null || true
	fi
fi
unset host_key host_key_public sshd_config
