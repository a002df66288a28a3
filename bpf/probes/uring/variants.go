package uring

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"pollgate/bpf/internal/attach"
)

// How io_uring_complete tells a completion: `enum complete_args` in kernel.bpf.h.
const (
	completeCqe            = iota // (ctx, request, struct io_uring_cqe *), as in Linux 6.18
	completeValues                // (ctx, request, user data, result, flags, ...)
	completeWithoutRequest        // (ctx, user data, result, flags), as in Linux 5.15
)

// variant is what a kernel offers and how.
type variant struct {
	kernel           attach.KernelTypes
	submit           string // name of the tracepoint
	submitRequest    uint32 // argument with the request
	complete         uint32
	overflowComplete bool
	refusedRequest   uint32
	puntedRequest    uint32
	// absent has the programs whose tracepoint is not there, missing the reasons by figure.
	absent  map[string]bool
	missing map[string]string
}

// fitKernel is the probe's Fit.
func fitKernel(spec *ebpf.CollectionSpec, kernel attach.KernelTypes) (map[string]string, error) {
	v, err := variantOf(kernel)
	if err != nil {
		return nil, err
	}
	return v.missing, v.fit(spec)
}

// variantOf looks at the kernel's types. An error says why nothing can be measured.
func variantOf(kernel attach.KernelTypes) (*variant, error) {
	v := &variant{kernel: kernel, absent: map[string]bool{}, missing: map[string]string{}}
	if err := errors.Join(v.chooseSubmit(), v.chooseComplete()); err != nil {
		return nil, err
	}
	v.refusedRequest = v.optional("uring_refused", "refused", "io_uring_req_failed",
		map[int]uint32{3: 1, 4: 2})
	v.puntedRequest = v.optional("uring_punt", "punted", "io_uring_queue_async_work",
		map[int]uint32{2: 0, 7: 1, 5: 2})
	v.optional("uring_overflow", "cqOverflows", "io_uring_cqe_overflow", map[int]uint32{5: 0})
	v.optional("uring_task_work", "taskWork", "io_uring_task_work_run", map[int]uint32{2: 0, 3: 0})
	// Rings that defer their task work tell it here; they came with the tracepoint.
	v.optional("uring_local_work", "", "io_uring_local_work_run", map[int]uint32{3: 0})
	return v, nil
}

func (v *variant) chooseSubmit() error {
	v.submit = "io_uring_submit_req"
	if args, exists := v.kernel.TracepointArgs(v.submit); exists && args == 1 {
		// Since then a completion that overflows is not traced as a completion too.
		v.overflowComplete = true
		return nil
	}
	v.submit = "io_uring_submit_sqe"
	args, exists := v.kernel.TracepointArgs(v.submit)
	switch {
	case exists && args == 2:
		return nil // (request, nonblocking)
	case exists && args == 7:
		v.submitRequest = 1 // (ctx, request, opcode and user data in either order, ...)
		return nil
	case exists:
		return fmt.Errorf("tracepoint io_uring_submit_sqe has %d arguments, known are 2 and 7", args)
	}
	return errors.New("the kernel has neither io_uring_submit_req nor io_uring_submit_sqe: " +
		"it was built without io_uring")
}

func (v *variant) chooseComplete() error {
	const name = "io_uring_complete"
	args, exists := v.kernel.TracepointArgs(name)
	switch {
	case exists && args == 3 && v.kernel.TracepointArgType(name, 2) == "io_uring_cqe":
		v.complete = completeCqe
	case exists && (args == 5 || args == 7):
		v.complete = completeValues
	case exists && args == 4:
		v.complete = completeWithoutRequest
	case exists:
		return fmt.Errorf("tracepoint %s has %d arguments of unknown kinds", name, args)
	default:
		return fmt.Errorf("the kernel has no tracepoint %s", name)
	}
	return nil
}

// optional gives the place of the request for the number of arguments that the tracepoint has.
func (v *variant) optional(program, figure, tracepoint string, places map[int]uint32) uint32 {
	args, exists := v.kernel.TracepointArgs(tracepoint)
	place, known := places[args]
	if exists && known {
		return place
	}
	v.absent[program] = true
	reason := fmt.Sprintf("the kernel has no tracepoint %s", tracepoint)
	if exists {
		reason = fmt.Sprintf("tracepoint %s has %d arguments, which is not known", tracepoint, args)
	}
	if figure != "" {
		v.missing[figure] = reason
	}
	return 0
}

// fit sets the object up for the kernel. A program for a tracepoint that is not there is replaced
// by one that does nothing and is not attached.
func (v *variant) fit(spec *ebpf.CollectionSpec) error {
	spec.Programs["uring_submit"].AttachTo = v.submit
	for name := range v.absent {
		program := spec.Programs[name]
		program.AttachTo = v.submit
		program.Instructions = asm.Instructions{
			asm.Mov.Imm(asm.R0, 0).WithSymbol(name), asm.Return()}
	}
	var overflow uint32
	if v.overflowComplete {
		overflow = 1
	}
	return errors.Join(
		spec.Variables["submit_request_at"].Set(v.submitRequest),
		spec.Variables["complete_args"].Set(v.complete),
		spec.Variables["overflow_completes"].Set(overflow),
		spec.Variables["refused_request_at"].Set(v.refusedRequest),
		spec.Variables["punted_request_at"].Set(v.puntedRequest),
	)
}
