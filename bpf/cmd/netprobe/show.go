package main

import (
	"fmt"
	"os"

	"pollgate/bpf/internal/summary"
)

// runShow tells what a result file says. It needs no privilege.
func runShow(args []string) error {
	flags := newFlags("show")
	target := flags.String("target", "", "")
	if err := flags.Parse(args); err != nil {
		return &usageError{err.Error() + "\n" + usage}
	}
	if flags.NArg() != 1 {
		return &usageError{fmt.Sprintf("show got %d files, expected one\n%s", flags.NArg(), usage)}
	}
	file, err := summary.Read(flags.Arg(0))
	if err == nil {
		err = summary.Write(os.Stdout, file, *target)
	}
	if err != nil {
		return &usageError{err.Error()}
	}
	return nil
}
