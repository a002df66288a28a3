package target

import (
	"encoding/binary"
	"fmt"
	"os"
)

// Memory reads what an observed process has in its memory. The process goes on meanwhile, so what
// is read may change from one call to the next.
type Memory struct {
	file *os.File
	bias uint64 // see LoadBias
}

// OpenMemory asks for the right to read, which the kernel grants to whoever may trace the process
// (CAP_SYS_PTRACE, or the same user where kernel.yama.ptrace_scope is 0). The right stays when the
// capabilities are dropped.
func (t *Target) OpenMemory() (*Memory, error) {
	bias, err := t.LoadBias()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/mem", t.PID))
	if err != nil {
		return nil, err
	}
	return &Memory{file: file, bias: bias}, nil
}

// Address is where something lies in the process that its file has at address.
func (m *Memory) Address(address uint64) uint64 { return address + m.bias }

// Read fills buffer with what lies at address.
func (m *Memory) Read(buffer []byte, address uint64) error {
	n, err := m.file.ReadAt(buffer, int64(address))
	if n < len(buffer) {
		return fmt.Errorf("read %d bytes of the process at %#x, got %d: %w (has it ended?)",
			len(buffer), address, n, err)
	}
	return nil
}

// Word is the 64-bit word at address.
func (m *Memory) Word(address uint64) (uint64, error) {
	var buffer [8]byte
	err := m.Read(buffer[:], address)
	return binary.NativeEndian.Uint64(buffer[:]), err
}

// Close gives up the right to read.
func (m *Memory) Close() error { return m.file.Close() }

// LoadBias is how much higher than its file says the program was loaded: 0 unless it was built to
// lie anywhere.
func (t *Target) LoadBias() (uint64, error) {
	entry, err := entryPoint(t.PID)
	return entry - t.Binary.EntryPoint(), err
}

// entryPoint is where the program began to run: the kernel told it in the auxiliary vector.
func entryPoint(pid int) (uint64, error) {
	const key = 9 // AT_ENTRY
	path := fmt.Sprintf("/proc/%d/auxv", pid)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for ; len(data) >= 16; data = data[16:] {
		if binary.NativeEndian.Uint64(data) == key {
			return binary.NativeEndian.Uint64(data[8:]), nil
		}
	}
	return 0, fmt.Errorf("%s has no entry point", path)
}
