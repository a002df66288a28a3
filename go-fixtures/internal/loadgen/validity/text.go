package validity

import (
	"strconv"
	"strings"
)

// nsText is a duration for people: three digits and a unit.
func nsText(ns int64) string {
	x, sign := float64(ns), ""
	if x < 0 {
		x, sign = -x, "−"
	}
	for _, unit := range []struct {
		ns   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if x >= unit.ns {
			return sign + threeDigits(x/unit.ns) + " " + unit.name
		}
	}
	return sign + threeDigits(x) + " ns"
}

// percentText is a ratio for people.
func percentText(ratio float64) string { return threeDigits(100*ratio) + " %" }

// threeDigits never uses an exponent for what is ≥ 1, and drops trailing zeros.
func threeDigits(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// countText groups the digits of a count: 12,345.
func countText(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

func percentileText(q float64) string { return "p" + threeDigits(100*q) }
