package session

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pollgate/bpf/internal/report"
)

// readLines delivers the lines of r, and closes the channel at its end. The goroutine lives until
// r ends: a blocked read cannot be called off, and the process ends with the session.
func readLines(r io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(r)
		for scanner.Scan() {
			lines <- strings.TrimSpace(scanner.Text())
		}
	}()
	return lines
}

// output is a file that appears under its name when it is complete, or not at all.
type output struct {
	path string
	temp *os.File
}

// createOutput takes the place in advance, so that a folder that cannot be written to is found
// before the window and not after it.
func createOutput(path string) (*output, error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("--out %s: %w", path, err)
	}
	return &output{path: path, temp: temp}, nil
}

func (o *output) commit(file *report.File) error {
	data, err := json.Marshal(file)
	if err != nil {
		return err
	}
	if _, err := o.temp.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("--out %s: %w", o.path, err)
	}
	if err := o.temp.Chmod(0o644); err != nil {
		return fmt.Errorf("--out %s: %w", o.path, err)
	}
	// A full disk may show only here.
	if err := o.temp.Close(); err != nil {
		return fmt.Errorf("--out %s: %w", o.path, err)
	}
	if err := os.Rename(o.temp.Name(), o.path); err != nil {
		return fmt.Errorf("--out %s: %w", o.path, err)
	}
	o.temp = nil
	return nil
}

// discard removes what was not committed.
func (o *output) discard() {
	if o.temp != nil {
		o.temp.Close()
		os.Remove(o.temp.Name())
	}
}
