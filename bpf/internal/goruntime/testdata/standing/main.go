// Standing has 17 goroutines in waitHere. It says `ready` when they are there, and ends with its input.
package main

import (
	"fmt"
	"io"
	"os"
)

const goroutines = 17

func main() {
	begun, release := make(chan struct{}), make(chan struct{})
	for range goroutines {
		go waitHere(begun, release)
	}
	for range goroutines {
		<-begun
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

//go:noinline
func waitHere(begun chan<- struct{}, release <-chan struct{}) {
	begun <- struct{}{}
	<-release
}
