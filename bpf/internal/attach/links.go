package attach

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Links are attachments that live and end together.
type Links []link.Link

// Tracepoints attaches tp_btf programs; what their sections name is where. After an error the
// caller closes the links, as it would have to anyhow.
func (l *Links) Tracepoints(programs ...*ebpf.Program) error {
	for _, program := range programs {
		attached, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return fmt.Errorf("attach to tracepoint: %w", explain(err))
		}
		*l = append(*l, attached)
	}
	return nil
}

// Close detaches everything.
func (l *Links) Close() error {
	var err error
	for _, attached := range *l {
		err = errors.Join(err, attached.Close())
	}
	*l = nil
	return err
}

// IsSystemCall tells whether a tracepoint is passed by every system call.
func IsSystemCall(tracepoint string) bool {
	return tracepoint == "sys_enter" || tracepoint == "sys_exit"
}
