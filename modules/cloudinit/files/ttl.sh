# shellcheck shell=sh disable=SC2154 # main.tf puts ttl_seconds before this
# Runs at every boot, but counts from the first one.
(
	set -eu
	root="${SKYSAIL_ROOT:-}"
	stamp="$root/var/lib/cloud/instance/skysail-deadline"
	if [ ! -s "$stamp" ]; then
		mkdir -p "${stamp%/*}"
		echo "$(($(date +%s) + ttl_seconds))" >"$stamp.new"
		mv -f "$stamp.new" "$stamp"
	fi
	deadline="$(cat "$stamp")"
	units="$root/run/systemd/system"
	mkdir -p "$units"
	cat >"$units/skysail-ttl.service" <<-UNIT
		[Unit]
		Description=end of this skysail deployment's time

		[Service]
		Type=oneshot
		ExecStart=/usr/bin/systemctl poweroff
	UNIT
	cat >"$units/skysail-ttl.timer" <<-UNIT
		[Unit]
		Description=time of this skysail deployment

		[Timer]
		OnCalendar=@$deadline
		AccuracySec=1s
	UNIT
	if [ -n "$root" ]; then
		echo "skysail: a simulated instance does not power itself off" >&2
	elif [ "$(date +%s)" -ge "$deadline" ]; then
		systemctl --no-block poweroff
	else
		systemctl daemon-reload
		systemctl --no-block start skysail-ttl.timer
	fi
)
