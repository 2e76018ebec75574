#!/bin/sh
# Installs the browser that the status page is looked at with, Debian's
# chromium, and a font. Where one is there it does nothing; where it can not be
# installed it fails, as nothing would be looked at.
set -eu

for browser in chromium chromium-browser google-chrome; do
	! command -v "$browser" >/dev/null 2>&1 || exit 0
done
as_root=''
if ! command -v apt-get >/dev/null 2>&1; then
	echo "NOT RUN: the status page in a browser, as this system has no Chromium and no apt-get to install it with." >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1 || ! sudo -n true 2>/dev/null; then
		echo "NOT RUN: the status page in a browser. Install it, as root:" >&2
		echo "  apt-get install --no-install-recommends chromium fonts-dejavu-core" >&2
		exit 1
	fi
	as_root='sudo -n'
fi
echo "installing chromium" >&2
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update >&2
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends chromium fonts-dejavu-core >&2
