#!/bin/sh
# Runs in a network namespace of its own: this is the instance, "container" and
# "cloud" are two more. $1 is the rule set, $2 the test binary.
set -eu
rules="$1" self="$2"
suffix="$$"
container="skysail-container-$suffix" cloud="skysail-cloud-$suffix"
servers=''
clean() {
	[ -z "$servers" ] || kill $servers 2>/dev/null || true
	ip netns del "$container" 2>/dev/null || true
	ip netns del "$cloud" 2>/dev/null || true
}
trap clean EXIT
ip link set lo up
ip netns add "$container"
ip netns add "$cloud"
link() { # link NAMESPACE INTERFACE OUR-ADDRESS ITS-ADDRESS GATEWAY
	ip link add "$2" type veth peer name eth0 netns "$1"
	ip addr add "$3" dev "$2"
	ip link set "$2" up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "$4" dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "$5"
}
link "$container" podman0 10.88.0.1/24 10.88.0.2/24 10.88.0.1
link "$cloud" uplink 169.254.169.1/24 169.254.169.254/24 169.254.169.1
echo 1 >/proc/sys/net/ipv4/ip_forward
for port in 80 53; do
	GUARD_SERVE=":$port" ip netns exec "$cloud" "$self" &
	servers="$servers $!"
done
get() { GUARD_GET="http://169.254.169.254:$1/" "$self"; }
contained() { GUARD_GET="http://169.254.169.254:$1/" ip netns exec "$container" "$self"; }
tries=0
until [ "$(get 80)$(get 53)" = answeredanswered ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 50 ]
	sleep 0.1
done
echo "before container 80: $(contained 80)"
echo "before service 80: $(GUARD_UID=65534 get 80)"
nft -f "$rules"
nft -f "$rules" # twice is no mistake
echo "root 80: $(get 80)"
echo "service 80: $(GUARD_UID=65534 get 80)"
echo "service 53: $(GUARD_UID=65534 get 53)"
echo "container 80: $(contained 80)"
echo "container 53: $(contained 53)"
