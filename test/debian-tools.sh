#!/bin/sh
# Installs the Debian packages whose programs judge the boot configuration
# (`cloud-init schema`, shellcheck, `systemd-analyze verify`, nft), the
# PostgreSQL that states are kept in, the nginx that health checks are tried on,
# the Prometheus and node_exporter that metrics are held against, the kubectl that
# clusters are looked at with, and the SSH server and the shell of small machines
# (dropbear, busybox). Where all are there it does nothing. Where
# there is no apt-get it says what is left out.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

missing=''
# Debian keeps PostgreSQL's programs off PATH.
for dir in /usr/lib/postgresql/*/bin; do PATH="$PATH:$dir"; done
for pair in initdb:postgresql cloud-init:cloud-init shellcheck:shellcheck systemd-analyze:systemd nft:nftables ip:iproute2 mkfs.ext4:e2fsprogs nginx:nginx-light promtool:prometheus prometheus-node-exporter:prometheus-node-exporter kubectl:kubernetes-client dropbear:dropbear-bin busybox:busybox; do
	command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "NOT RUN: cloud-init schema, shellcheck, systemd-analyze and nft on the boot configuration, state in PostgreSQL, health checks of nginx, metrics in Prometheus, clusters with kubectl, machines with dropbear and busybox," >&2
	echo "as this system lacks$missing and has no apt-get to install them with. CI runs them on Debian." >&2
	exit 0
fi

as_root=''
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
		echo "The tests of the boot configuration need$missing. Install them, as root:" >&2
		echo "  touch /etc/cloud/cloud-init.disabled   # unless this machine is set up by cloud-init" >&2
		echo "  apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	as_root='sudo -n'
fi

# On a machine that cloud-init does not look after already it must not begin
# to at the next boot: this file is its own switch. The other packages start
# nothing (Debian leaves nftables.service disabled).
case "$missing" in
*cloud-init*)
	$as_root mkdir -p /etc/cloud
	$as_root touch /etc/cloud/cloud-init.disabled
	;;
esac
# The tests run a PostgreSQL of their own: no cluster of the system's.
case "$missing" in
*postgresql*)
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		$as_root mkdir -p /etc/postgresql-common
		echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
	fi
	;;
esac
# They run an nginx and a Prometheus of their own as well: the packages' are not
# started, now or at the next boot.
no_start=''
case "$missing" in
*nginx* | *prometheus*)
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		no_start=yes
		printf '#!/bin/sh\nexit 101\n' | $as_root tee /usr/sbin/policy-rc.d >/dev/null
		$as_root chmod 755 /usr/sbin/policy-rc.d
	fi
	;;
esac
clean() { [ -z "$no_start" ] || $as_root rm -f /usr/sbin/policy-rc.d; }
trap clean EXIT
echo "installing$missing" >&2
# shellcheck disable=SC2086 # the words of the lists
{
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update >&2
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >&2
}
if [ -d /run/systemd/system ]; then
	for unit in nginx prometheus prometheus-node-exporter; do
		case "$missing" in
		*"$unit"*) $as_root systemctl disable "$unit.service" >&2 ;;
		esac
	done
fi
