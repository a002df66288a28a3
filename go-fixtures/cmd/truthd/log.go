package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

// logCapacity bounds the log: 128 MiB of memory.
const logCapacity = 1 << 22

// logEntry is one request served.
type logEntry struct{ connection, beganNs, wroteNs, freedNs int64 }

// requestLog keeps the times of all requests in memory until the end.
type requestLog struct {
	file    *os.File
	entries []logEntry
}

// newRequestLog makes the file now, because a path that cannot be used should not be found out at the
// end, and touches the memory, because a page fault in the middle of a request would be part of it.
func newRequestLog(path string) (*requestLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	entries := make([]logEntry, logCapacity)
	const entriesPerPage = 4096 / 32
	for i := 0; i < len(entries); i += entriesPerPage {
		entries[i].connection = -1
	}
	return &requestLog{file, entries[:0]}, nil
}

// add reports false when the log is full.
func (l *requestLog) add(e logEntry) bool {
	if len(l.entries) == cap(l.entries) {
		return false
	}
	l.entries = append(l.entries, e)
	return true
}

func (l *requestLog) write() error {
	w := bufio.NewWriter(l.file)
	w.WriteString("connection,beganNs,wroteNs,freedNs\n")
	var line []byte
	for _, e := range l.entries {
		line = strconv.AppendInt(line[:0], e.connection, 10)
		for _, v := range [...]int64{e.beganNs, e.wroteNs, e.freedNs} {
			line = strconv.AppendInt(append(line, ','), v, 10)
		}
		w.Write(append(line, '\n'))
	}
	err := w.Flush() // tells of every failed write before it
	if closing := l.file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return nil
}
