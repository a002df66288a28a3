// Package sysnum gives the names of Linux system calls by their numbers.
package sysnum

import "fmt"

//go:generate go run generate.go

// Name is the system call's name as in its manual page, or "syscall_<n>" for a number that the
// table does not have.
func Name(number int) string {
	if number >= 0 && number < len(names) && names[number] != "" {
		return names[number]
	}
	return fmt.Sprintf("syscall_%d", number)
}
