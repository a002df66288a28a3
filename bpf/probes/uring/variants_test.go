package uring

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"

	"pollgate/bpf/internal/attach"
	"pollgate/bpf/internal/caps"
)

// Programs fitted to other kernels pass this one's verifier, on tracepoints here that have as many
// arguments: (ctx, request, completion) and (ctx, user data, result, flags, overflow).
func TestVariantsForOtherKernelsPassTheVerifier(t *testing.T) {
	held, err := caps.Effective()
	if err != nil {
		t.Fatal(err)
	}
	var missing *caps.MissingError
	if errors.As(held.Check(), &missing) {
		t.Skipf("missing: %v", missing)
	}
	running, err := attach.RunningKernel()
	if err != nil {
		t.Fatal(err)
	}
	here, err := variantOf(running)
	if err != nil {
		t.Skip(err)
	}
	if here.complete != completeCqe || len(here.absent) > 0 {
		t.Skip("the kernel lacks the tracepoints with as many arguments")
	}
	const three, five = "io_uring_complete", "io_uring_cqe_overflow"
	allAbsent := map[string]bool{"uring_refused": true, "uring_punt": true, "uring_overflow": true,
		"uring_task_work": true, "uring_local_work": true}
	for name, c := range map[string]struct {
		variant  variant
		attachTo map[string]string
	}{
		"Linux 5.15": {variant{submitRequest: 1, complete: completeWithoutRequest, puntedRequest: 2},
			map[string]string{"uring_submit": three, "uring_complete": five, "uring_punt": three}},
		"Linux 5.19": {variant{submitRequest: 1, complete: completeValues, puntedRequest: 1,
			refusedRequest: 2},
			map[string]string{"uring_submit": three, "uring_complete": five, "uring_punt": three,
				"uring_refused": three}},
		"Linux 6.1": {variant{complete: completeValues, refusedRequest: 1},
			map[string]string{"uring_complete": five}},
		"Linux 6.6": {variant{complete: completeValues, refusedRequest: 1, overflowComplete: true},
			map[string]string{"uring_complete": five}},
		"none of the optional": {variant{absent: allAbsent, refusedRequest: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := loadUring()
			if err != nil {
				t.Fatal(err)
			}
			c.variant.submit = here.submit
			if err := c.variant.fit(spec); err != nil {
				t.Fatal(err)
			}
			for program, tracepoint := range c.attachTo {
				spec.Programs[program].AttachTo = tracepoint
			}
			if err := spec.Variables["target_tgid"].Set([8]uint32{1}); err != nil {
				t.Fatal(err)
			}
			var objects uringObjects
			if err := spec.LoadAndAssign(&objects, nil); err != nil {
				var refused *ebpf.VerifierError
				if errors.As(err, &refused) {
					t.Fatalf("%+v", refused)
				}
				t.Fatal(err)
			}
			objects.Close()
		})
	}
}
