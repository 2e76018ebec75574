package tail

import (
	"strconv"
	"strings"

	"skysail/qos/internal/shell"
)

const (
	// headSize is how much of a file's beginning tells it from others.
	headSize = 512
	// maxFiles bounds the files of one rotation family that are looked at.
	maxFiles = 200
)

// Preamble begins the script that Call's lines are run in.
//
// Each file is opened once and everything is asked of that descriptor through
// /proc, so a rename in the middle changes nothing. Content is followed by the
// file's beginning and then its size, read after it: where these do not fit any
// more the file was truncated meanwhile and the content is not used. A gzip
// member ends by itself and has a checksum, so it needs no framing and is whole
// or refused. A rotated file that is being compressed is not whole either:
// gzip -t says so.
const Preamble = `LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin
exec 2>/dev/null </dev/null
self=/proc/self/fd/3
nl='
'
tool() { command -v "$1" >/dev/null || echo "missing $1"; }
for c in stat gzip dd head tail wc; do tool $c; done
[ -d /proc/self/fd ] || echo 'missing /proc'
now() { echo "now $(date +%s)"; }
top() { head -c 512 | gzip -1c; }
one() {
	s=$(stat -L -c '%d:%i %s %Y' $self) || return
	name=$1 path=$2 wants=$3 known=$4 limit=$5 fresh=$6
	set -- $s
	id=$1 size=$2 key=$1:$2:$3 seen= off=
	case " $known " in *" $key "*) seen=1 ;; esac
	case " $wants" in *" $id:"*) off=${wants#*"$id:"} off=${off%% *} ;; esac
	if [ "$name" != "$path" ] && [ "$name" != "${name%.gz}" ]; then
		if [ -n "$seen" ]; then
			size=-1
		elif gzip -t <$self; then
			size=$(($(gzip -dc <$self | wc -c)))
		else
			printf 'file bad %s 0 %s\n' "$key" "$name"
			return
		fi
		printf 'file gz %s %s %s\n' "$key" "$size" "$name"
		if [ -n "$off" ]; then
			echo "data $off"
			gzip -dc <$self | tail -c "+$((off + 1))" | head -c "$limit" | gzip -1c
			seen=
		fi
		[ -n "$seen" ] && return
		echo head
		gzip -dc <$self | top
		echo size "$size"
		return
	fi
	printf 'file plain %s %s %s\n' "$key" "$size" "$name"
	if [ "$name" = "$path" ] && [ "$fresh" = 1 ]; then
		[ -n "$off" ] && [ "$off" -le "$size" ] || off=0 seen=
	fi
	if [ -n "$off" ] && [ "$size" -gt "$off" ]; then
		echo "data $off"
		dd if=$self bs=4096 skip="$((off / 4096))" count="$(((limit + 4095) / 4096 + 1))" |
			if [ "$((off % 4096))" = 0 ]; then gzip -1c; else tail -c "+$((off % 4096 + 1))" | gzip -1c; fi
		seen=
	fi
	[ -n "$seen" ] && return
	echo head
	top <$self
	echo size "$(stat -L -c %s $self)"
}
family() {
	path=$1 before=$2 wants=$3 known=$4 limit=$5 fresh=$6
	set -- "$path"
	for f in "$path".[0-9]* "$path"-[0-9]* "$path".old "$path".old.gz; do
		[ $# -ge 200 ] && break
		case $f in *"$nl"*) continue ;; esac
		[ -f "$f" ] && set -- "$@" "$f"
	done
	names=$*
	list=$(stat -L -c '%d:%i:%s:%Y' "$@")
	keys=$(echo $list)
	list="$keys|$names"
	printf 'family %s\n' "$list"
	[ "$list" = "$before" ] && { echo same; return; }
	[ "$(echo "$keys" | wc -w)" -eq $# ] || keys=
	for f; do
		key=${keys%% *} keys=${keys#* }
		# Rotated files that are as they were need not be opened.
		case " $known " in *" $key "*)
			if [ -n "$key" ] && [ "$f" != "$path" ]; then
				size=${key#*:*:}
				case $f in
				*.gz) printf 'file gz %s -1 %s\n' "$key" "$f" ;;
				*) printf 'file plain %s %s %s\n' "$key" "${size%:*}" "$f" ;;
				esac
				continue
			fi
			;;
		esac
		[ -e "$f" ] || continue
		[ -f "$f" ] && [ -r "$f" ] || { printf 'unreadable %s\n' "$f"; continue; }
		one "$f" "$path" "$wants" "$known" "$limit" "$fresh" 3<"$f"
	done
}
`

// Slack is how much more than its limit a part of the output may have: files are
// read in whole blocks, one more than hold limit since the first one may begin
// anywhere. Less than limit would look like the end of the file.
const Slack = 2 * 4096

// End is the last line of the script.
const End = "echo end\n"

// Call returns the line of the script that reads what is new of path, at most
// limit bytes of each file and Slack.
func (s *State) Call(path string, limit int) string {
	before, fresh := s.Seen, "1"
	var wants, known []string
	for i := range s.Files {
		f := &s.Files[i]
		if f.Missed > 0 && f.Missed < missedPolls {
			before = "-" // between two names, or gone: look again
		}
		if f.ID == "" {
			continue
		}
		want := f.ID + ":" + strconv.FormatInt(f.Offset, 10)
		if f.settled() {
			if f.Key != "" {
				known = append(known, f.Key)
			}
			if !f.Gzip && fresh == "1" {
				wants = append(wants, want)
			}
			continue
		}
		if fresh == "1" {
			wants = append(wants, want)
		}
		if f.Rotated && f.Missed == 0 {
			before = "-"
			if f.more() {
				fresh = "0" // older lines first
			}
		}
	}
	known = append(known, s.Passed...)
	return shell.Quote("family", path, before, strings.Join(wants, " ")+" ", strings.Join(known, " "), strconv.Itoa(limit), fresh) + "\n"
}
