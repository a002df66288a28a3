package target

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Mappings are the places in the memory of a process that hold code, by address.
type Mappings []mapping

type mapping struct {
	from, to uint64
	name     string
}

// Mappings are those of this moment. Reading them needs the same right as OpenMemory.
func (t *Target) Mappings() (Mappings, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/maps", t.PID))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found Mappings
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if m, ok := parseMapping(lines.Text()); ok {
			found = append(found, m)
		}
	}
	return found, lines.Err()
}

// parseMapping reads a line of /proc/PID/maps (proc_pid_maps(5)); ok tells whether it holds code.
func parseMapping(line string) (m mapping, ok bool) {
	var protection, offset, device, inode string
	n, _ := fmt.Sscanf(line, "%x-%x %s %s %s %s", &m.from, &m.to, &protection, &offset, &device, &inode)
	if n != 6 || !strings.Contains(protection, "x") {
		return mapping{}, false
	}
	m.name = "[anonymous]" // made by the program itself
	if at := strings.IndexAny(line, "/["); at >= 0 {
		m.name = "[" + strings.Trim(filepath.Base(line[at:]), "[]") + "]"
	}
	return m, true
}

// Name is the file that has address in its code, in brackets as "[libc.so.6]" or "[vdso]"; empty if
// none has.
func (m Mappings) Name(address uint64) string {
	above := sort.Search(len(m), func(i int) bool { return m[i].from > address })
	if above == 0 || address >= m[above-1].to {
		return ""
	}
	return m[above-1].name
}
