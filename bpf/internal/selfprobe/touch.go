// Package selfprobe watches this very program: to try what the machine allows, to time what an
// event costs, and to read the clock of the probes.
package selfprobe

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"reflect"
)

// sink keeps Touch from being a function without instructions.
var sink int

// Touch is the function that uprobes are put on. It calls another function, so it has an
// ordinary prologue.
//
//go:noinline
func Touch() { sink += deeper(sink) }

//go:noinline
func deeper(n int) int { return n + 1 }

// touchedOffset is where Touch lies in this program's file. The memory map says it in every
// build mode, stripped or position independent.
func touchedOffset() (uint64, error) {
	address := uint64(reflect.ValueOf(Touch).Pointer())
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var start, end, offset uint64
		var protection string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s %x",
			&start, &end, &protection, &offset); err != nil {
			return 0, fmt.Errorf("read /proc/self/maps: %w", err)
		}
		if start <= address && address < end {
			return address - start + offset, nil
		}
	}
	return 0, errors.Join(errors.New("own code is in no mapping"), lines.Err())
}
