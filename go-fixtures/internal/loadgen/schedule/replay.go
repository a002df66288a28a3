package schedule

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
)

// MaxArms is the greatest number of arms that a recording can name.
const MaxArms = 64

// Recorded is one request of a recording.
type Recorded struct {
	AtNs int64 // since the start of the recording, ≥ 0
	Arm  int   // 0 … MaxArms-1; -1 = not recorded: found as for other kinds
	Key  int64 // 0 … 4,294,967,295; -1 = not recorded: drawn as for other kinds
	Line int   // where it stands in the file, from 1, for messages
}

// LineError says what is wrong with a line of a recording.
type LineError struct {
	Line    int // from 1
	Seen    string
	Allowed string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("line %d: saw %s, allowed: %s", e.Line, e.Seen, e.Allowed)
}

// errNothingRecorded is a LineError too, so that callers have one kind to treat.
var errNothingRecorded = &LineError{1, "no request in the whole file", lineForm}

const lineForm = `"atNs [arm [key]]", one request a line; "#" begins a comment`

// ReadReplay reads a recording: text, one request a line, as decimal numbers
// "atNs [arm [key]]" with spaces or tabs between them, times not falling. "#"
// begins a comment, empty lines are skipped. What is wrong with the text is a
// *LineError; errors of the reader come as they are.
func ReadReplay(r io.Reader) ([]Recorded, error) { return readReplay(r, MaxRequests) }

func readReplay(r io.Reader, most int) ([]Recorded, error) {
	var recorded []Recorded
	lines := bufio.NewScanner(r)
	number := 1
	for ; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		one, err := parseRecorded(fields, number)
		if err != nil {
			return nil, err
		}
		if n := len(recorded); n > 0 && one.AtNs < recorded[n-1].AtNs {
			return nil, &LineError{number, fmt.Sprintf("atNs %d", one.AtNs),
				fmt.Sprintf("%d or later, as the line before", recorded[n-1].AtNs)}
		}
		if len(recorded) == most {
			return nil, &LineError{number, "one more request", fmt.Sprintf("up to %d requests", most)}
		}
		recorded = append(recorded, one)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, &LineError{number, fmt.Sprintf("a line of more than %d bytes", bufio.MaxScanTokenSize), lineForm}
	}
	if lines.Err() != nil {
		return nil, lines.Err()
	}
	if len(recorded) == 0 {
		return nil, errNothingRecorded
	}
	return recorded, nil
}

func parseRecorded(fields []string, line int) (Recorded, error) {
	one := Recorded{Arm: -1, Key: -1, Line: line}
	if len(fields) > 3 {
		return one, &LineError{line, fmt.Sprintf("%d fields", len(fields)), lineForm}
	}
	var arm int64 = -1
	for i, field := range []struct {
		name  string
		value *int64
		most  int64
	}{{"atNs", &one.AtNs, math.MaxInt64}, {"arm", &arm, MaxArms - 1}, {"key", &one.Key, math.MaxUint32}}[:len(fields)] {
		value, err := strconv.ParseUint(fields[i], 10, 63)
		if err != nil || int64(value) > field.most {
			return one, &LineError{line, fmt.Sprintf("%s %.40q", field.name, fields[i]),
				fmt.Sprintf("%s as an integer 0 … %d", field.name, field.most)}
		}
		*field.value = int64(value)
	}
	one.Arm = int(arm)
	return one, nil
}

// replay plans what was recorded within the length of the phase. Arms and keys
// are drawn for each request, recorded or not, so that recording one more does
// not change the others.
func replay(c Config) []Entry {
	recorded := recordedWithin(c)
	arms, keys := newArmDraw(c), newKeyDraw(c)
	entries := make([]Entry, len(recorded))
	for i, one := range recorded {
		e := Entry{AtNs: one.AtNs, Arm: arms.at(one.AtNs), Key: keys.next()}
		// In a run every arm has stretches of its own, and no request elsewhere.
		if one.Arm >= 0 && c.Interleave != Run {
			e.Arm = uint16(one.Arm)
		}
		if one.Key >= 0 {
			e.Key = uint32(one.Key)
		}
		entries[i] = e
	}
	return entries
}

func recordedWithin(c Config) []Recorded {
	recorded := c.Arrivals.Recorded
	return recorded[:sort.Search(len(recorded), func(i int) bool { return recorded[i].AtNs >= int64(c.Duration) })]
}
