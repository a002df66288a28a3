package gosym

import "errors"

// pollDescFD is what the DWARF of programs built with Go 1.22 to 1.27 says.
const pollDescFD = 8

// PollDescFD is where in a runtime.pollDesc the number of the descriptor lies, in bytes from its
// start: from the program's DWARF, else as all versions have it that PollDesc knows.
func (b *Binary) PollDescFD() (uint32, error) {
	if _, err := b.PollDesc(); err != nil {
		return 0, err
	}
	fields, err := b.structOffsets("runtime.pollDesc")
	if err != nil {
		return pollDescFD, nil
	}
	fd, ok := fields["fd"]
	if !ok {
		return 0, errors.New("runtime.pollDesc has no field fd")
	}
	return fd, nil
}
