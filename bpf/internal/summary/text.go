package summary

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"pollgate/bpf/internal/gosym"
	"pollgate/bpf/internal/hist"
)

// clip cuts a line to so many columns, of which the last then says that it was cut. What could
// disturb a terminal, such as escape sequences in names, is replaced.
func clip(line string, columns int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, line))
	if len(runes) > columns {
		runes = append(runes[:columns-1], '…')
	}
	return strings.TrimRight(string(runes), " ")
}

// duration has three digits, as "12.3 ms".
func duration(ns uint64) string {
	value, unit := float64(ns), "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1000, next
	}
	return digits(value) + " " + unit
}

// digits writes three of them, and more only in front of the point.
func digits(value float64) string {
	switch {
	case value == float64(uint64(value)) || value >= 99.95:
		return count(uint64(value + 0.5))
	case value >= 9.995:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// count has its thousands apart, as "12,345".
func count(n uint64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// counted is "1 birth", "2 births".
func counted(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + one + "s"
}

func percent(part, whole float64) string {
	if whole <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*part/whole)
}

// times are the columns of a histogram of ns.
func times(h *hist.Histogram) string {
	if h == nil || h.Count == 0 {
		return fmt.Sprintf("%11s%11s%11s", "–", "–", "–")
	}
	return fmt.Sprintf("%11s%11s%11s", duration(h.Quantile(0.5)), duration(h.Quantile(0.99)), duration(h.Max))
}

// byCount lists what is not 0, the most first, as "3 socket, 1 file".
func byCount(counts map[string]uint64) string {
	var parts []string
	for _, name := range mostFirst(counts) {
		parts = append(parts, count(counts[name])+" "+name)
	}
	return strings.Join(parts, ", ")
}

// mostFirst has the names of what is not 0.
func mostFirst(counts map[string]uint64) []string {
	names := slices.Sorted(maps.Keys(counts))
	names = slices.DeleteFunc(names, func(name string) bool { return counts[name] == 0 })
	slices.SortStableFunc(names, func(x, y string) int {
		switch {
		case counts[x] > counts[y]:
			return -1
		case counts[x] < counts[y]:
			return 1
		}
		return 0
	})
	return names
}

// function leaves out the path of its package, and what types it was made for.
func function(name string) string {
	if strings.HasPrefix(name, "[") { // a file of which no functions are known, such as [vdso]
		return name
	}
	var plain strings.Builder
	depth := 0
	for _, r := range name {
		if r == ']' {
			depth--
		}
		if depth == 0 {
			plain.WriteRune(r)
		}
		if r == '[' {
			if depth == 0 {
				plain.WriteRune('…')
			}
			depth++
		}
	}
	short := plain.String()
	return short[strings.LastIndexByte(short, '/')+1:]
}

func frame(f gosym.Frame) string {
	name := function(f.Function)
	// The place is that of inlined code where there is some, which may be another package's.
	if f.File == "" || !ofLibrary(f.Function) && fileOfOthers(f.File) {
		return name
	}
	return fmt.Sprintf("%s %s:%d", name, path.Base(f.File), f.Line)
}

// fileOfOthers tells whether a file is of Go's own library or of a module that the program uses.
func fileOfOthers(file string) bool {
	if at := strings.LastIndex(file, "/src/"); at >= 0 {
		file = file[at+len("/src/"):]
	}
	return strings.Contains(file, "@v") || ofLibrary(file)
}

// userFrame is where the program itself is on a stack: the first function that is not of the
// runtime, of system calls or internal to Go's own library, but better yet not of that library.
func userFrame(frames []gosym.Frame) string {
	if at := userIndex(frames); at >= 0 {
		return frame(frames[at])
	}
	return "(no stack)"
}

// userFrames has the caller of that function too, unless it is of the library.
func userFrames(frames []gosym.Frame) string {
	at := userIndex(frames)
	if at < 0 || at+1 >= len(frames) || ofLibrary(frames[at+1].Function) {
		return userFrame(frames)
	}
	return frame(frames[at]) + " < " + frame(frames[at+1])
}

func userIndex(frames []gosym.Frame) int {
	for _, skips := range []func(string) bool{ofLibrary, ofRuntime, func(string) bool { return false }} {
		if at := slices.IndexFunc(frames, func(f gosym.Frame) bool { return !skips(f.Function) }); at >= 0 {
			return at
		}
	}
	return -1
}

func ofRuntime(name string) bool {
	for _, prefix := range []string{"runtime.", "runtime/", "syscall.", "internal/", "golang.org/x/sys/", "_rt0_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// library are the first elements of package paths of Go's own library.
var library = strings.Fields(`archive bufio bytes cmp compress container context crypto database debug
	embed encoding errors expvar flag fmt go hash html image index io iter log maps math mime net os
	path plugin reflect regexp slices sort strconv strings structs sync testing text time unicode
	unique unsafe weak vendor`)

func ofLibrary(name string) bool {
	first := name
	if at := strings.IndexAny(name, "./["); at >= 0 {
		first = name[:at]
	}
	return ofRuntime(name) || slices.Contains(library, first)
}
