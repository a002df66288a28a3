package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pollgate/go-fixtures/internal/loadgen/schedule"
)

var stretches = span{1, 600_000}

func readArrivals(root *object, s *Spec, folder string) schedule.Arrivals {
	o := root.object("arrivals", false)
	if o == nil {
		return schedule.Arrivals{Kind: schedule.Poisson}
	}
	a := schedule.Arrivals{Kind: schedule.Kind(o.oneOf("kind", required, string(schedule.Poisson),
		string(schedule.Constant), string(schedule.OnOff), string(schedule.Ramp), string(schedule.Replay)))}
	switch a.Kind {
	case schedule.OnOff:
		a.OnNs = o.integer("onMs", required, stretches) * int64(time.Millisecond)
		a.OffNs = o.integer("offMs", required, stretches) * int64(time.Millisecond)
	case schedule.Ramp:
		a.ToRatePerSec = o.number("toRatePerSec", required, rates)
	case schedule.Replay:
		a.Recorded = readRecording(o, s, folder)
	}
	// Where the kind is wrong, nothing says which settings it has.
	if o.isRight("kind") {
		o.rejectUnknown()
	}
	return a
}

func readRecording(o *object, s *Spec, folder string) []schedule.Recorded {
	name, _ := o.get("file").(string)
	if name == "" {
		o.wrong("file", "path of a recording, relative to the folder of this file")
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(folder, name)
	}
	file, err := os.Open(name)
	if err != nil {
		o.saw("file", err.Error(), "a file that can be read")
		return nil
	}
	defer file.Close()
	recorded, err := schedule.ReadReplay(file)
	if err == nil {
		err = checkRecorded(recorded, s)
	}
	var wrong *schedule.LineError
	switch {
	case errors.As(err, &wrong):
		o.saw("file", fmt.Sprintf("%s in line %d of %s", wrong.Seen, wrong.Line, name), wrong.Allowed)
	case err != nil:
		o.saw("file", err.Error(), "a file that can be read")
	}
	return recorded
}

// checkRecorded holds a recording against the arms and keys that there are.
func checkRecorded(recorded []schedule.Recorded, s *Spec) error {
	keys := int64(0)
	if s.Protocol == Block4K && s.Block != nil {
		keys = int64(s.Block.Pages)
	}
	for _, one := range recorded {
		switch {
		case one.Arm >= 0 && s.Interleave == schedule.Run:
			return &schedule.LineError{Line: one.Line, Seen: fmt.Sprintf("arm %d", one.Arm),
				Allowed: `no arm with interleave "run", which gives each arm its stretches`}
		case one.Arm >= len(s.Arms) && len(s.Arms) > 0:
			return &schedule.LineError{Line: one.Line, Seen: fmt.Sprintf("arm %d", one.Arm),
				Allowed: fmt.Sprintf("arm 0 … %d, as there are in $.arms", len(s.Arms)-1)}
		case keys > 0 && one.Key >= keys:
			return &schedule.LineError{Line: one.Line, Seen: fmt.Sprintf("key %d", one.Key),
				Allowed: fmt.Sprintf("key 0 … %d, as $.block.pages says", keys-1)}
		}
	}
	return nil
}
