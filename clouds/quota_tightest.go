package clouds

// Tightest is what several limits leave together: of those that refuse the
// first, else the one of which the least part is left after the Want. Limits
// that are not known do not count.
func Tightest(rooms ...Room) Room {
	var out Room
	for _, r := range rooms {
		switch {
		case !r.Known():
		case !r.Fits():
			return r
		case !out.Known(), r.left() < out.left():
			out = r
		}
	}
	return out
}

// left is the part of the limit that nothing would use.
func (r Room) left() float64 {
	if r.Max <= 0 {
		return 0
	}
	return (r.Max - r.Used - r.Need) / r.Max
}
