#!/bin/sh
# Installs the service and starts it. cloud-init runs it once, at the end of
# the first boot; running it again is safe. SKYSAIL_ROOT is empty on a machine
# of its own, and the instance's root folder where the instance is simulated.
set -eu
umask 022
root="${SKYSAIL_ROOT:-}"
unit='' kind='' url='' sha256='' binary='' secrets='' accelerator='' engine='' data_devices=''
# shellcheck source=/dev/null
. "$root/etc/skysail/install.env"

fail() {
	echo "skysail install: $*" >&2
	exit 1
}

need() { # need COMMAND PACKAGE
	command -v "$1" >/dev/null 2>&1 && return
	command -v apt-get >/dev/null 2>&1 || fail "this machine has no $1"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update -q
	apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install -y -q --no-install-recommends "$2" ca-certificates ||
		fail "installing $2 failed"
}

verify() { # verify DIGEST FILE
	if command -v sha256sum >/dev/null 2>&1; then
		printf '%s  %s\n' "$1" "$2" | sha256sum -c - >/dev/null
	else
		printf '%s  %s\n' "$1" "$2" | shasum -a 256 -c - >/dev/null
	fi
}

install_native() {
	need curl curl
	home="$root/opt/skysail"
	rm -rf "$home/download" "$home/app.new"
	mkdir -p "$home/download" "$home/app.new"
	# --proto-redir: a server must not send us on to a file of this machine.
	curl --fail --silent --show-error --location --globoff \
		--proto '=https,http,file' --proto-redir '=https,http' \
		--connect-timeout 20 --max-time 1800 --retry 5 --retry-delay 2 --retry-connrefused \
		--output "$home/download/archive.tar.gz" --url "$url" ||
		fail "downloading the archive failed"
	(cd "$home/download" && verify "$sha256" archive.tar.gz) ||
		fail "the archive's SHA-256 is not $sha256: it is not the one that was approved"
	tar -xzf "$home/download/archive.tar.gz" -C "$home/app.new" --no-same-owner ||
		fail "the archive can not be unpacked; it must be a gzip-compressed tar archive"
	[ -f "$home/app.new/$binary" ] || fail "the archive holds no file $binary"
	chmod -R go+rX,go-w "$home/app.new"
	chmod 0755 "$home/app.new/$binary"
	rm -rf "$home/app.old" "$home/download"
	[ ! -e "$home/app" ] || mv "$home/app" "$home/app.old"
	mv "$home/app.new" "$home/app"
	rm -rf "$home/app.old"
}

prepare_container() {
	case "$engine" in
	podman) need podman podman ;;
	docker) need docker docker.io ;;
	*) fail "unknown container engine: $engine" ;;
	esac
	[ "$accelerator" = nvidia ] || return 0
	command -v nvidia-ctk >/dev/null 2>&1 ||
		fail "the image has no NVIDIA container toolkit, so containers can not reach the GPU; use an image with GPU drivers"
	if [ "$engine" = docker ]; then
		nvidia-ctk runtime configure --runtime=docker
		systemctl restart docker.service
		return 0
	fi
	mkdir -p "$root/etc/cdi"
	nvidia-ctk cdi generate --output="$root/etc/cdi/nvidia.yaml"
}

# Some images come with a firewall of their own that lets only SSH in. The
# provider's firewall decides here: which ports are public can change later
# without a word to this machine.
open_ports() {
	command -v ufw >/dev/null 2>&1 || return 0
	ufw status | grep -q '^Status: active' || return 0
	ufw allow 1:65535/tcp
}

if [ -n "$root" ]; then
	echo "skysail install: a simulated instance has no metadata service to be kept from"
	[ -z "$data_devices" ] || "$root/opt/skysail/data-disk"
else
	# The units that the service needs do the rest.
	need nft nftables
	open_ports
fi

case "$kind" in
native) install_native ;;
container) prepare_container ;;
*) fail "unknown kind of source: $kind" ;;
esac

systemctl daemon-reload
systemctl enable "$unit"

# The marker before the question, as /opt/skysail/secrets stores first and
# asks for the marker then: whichever comes last starts the service.
: >"$root/opt/skysail/installed"
if [ "$secrets" = no ] || [ -e "$root/etc/skysail/secrets.env" ]; then
	systemctl restart "$unit"
else
	echo "skysail install: $unit starts when its secrets arrive"
fi
