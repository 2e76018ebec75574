#!/bin/sh
# Takes the service's secrets on standard input, as a systemd EnvironmentFile,
# keeps them for root only, and starts the service. They come over SSH and not
# with the machine's user-data, which anybody on the machine could read.
set -eu
umask 077
root="${SKYSAIL_ROOT:-}"
unit=''
# shellcheck source=/dev/null
. "$root/etc/skysail/install.env"

new="$root/etc/skysail/secrets.env.new"
trap 'rm -f "$new"' EXIT
cat >"$new"
mv -f "$new" "$root/etc/skysail/secrets.env"

if [ -e "$root/opt/skysail/installed" ]; then
	systemctl restart "$unit"
else
	echo "secrets are stored; the service starts when it is installed"
fi
