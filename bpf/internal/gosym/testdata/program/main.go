// Program has what every Go program has, and so all that the probes look for: the scheduler calls
// the netpoller whether the program uses it or not.
package main

func main() {}
