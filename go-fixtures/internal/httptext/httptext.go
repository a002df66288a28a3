// Package httptext has the small parts of HTTP/1.1 text that client and server
// both need, without allocating.
package httptext

// IsName compares ASCII names as HTTP does, without regard to case. lower is in
// lower case.
func IsName(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Decimal reads 1 to most digits and nothing else; most ≤ 18, so that the value
// fits.
func Decimal(digits []byte, most int) (value int64, ok bool) {
	if len(digits) == 0 || len(digits) > most {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int64(c-'0')
	}
	return value, true
}
