// What the edited netpoll.go asks of a network poller that is not the one over
// io_uring. See netpoll_iouring_arming.go.

//go:build !(linux && goexperiment.io_uring && (amd64 || arm64))

package runtime

const iouringArms = false

func iouringProgress(pd *pollDesc, mode int) {}
