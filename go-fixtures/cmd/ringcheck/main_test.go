package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refuseEnv makes the test binary behave as ringcheck does under a seccomp profile that answers
// io_uring_setup with the errno in the variable. The harness's own tests use it as well.
const refuseEnv = "RINGCHECK_REFUSE_WITH_ERRNO"

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(refuseEnv); ok {
		errno, err := strconv.ParseUint(text, 10, 12)
		if err == nil {
			err = refuseIOUring(uint32(errno))
		}
		if err != nil {
			os.Stderr.WriteString("install the seccomp filter: " + err.Error() + "\n")
			os.Exit(1)
		}
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// refuseIOUring installs a seccomp filter on all threads, as a container runtime does.
// It needs no privilege because it gives up gaining any first.
func refuseIOUring(errno uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_IO_URING_SETUP, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// Both calls have to come from one thread; TSYNC takes the filter to the others.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if failed != 0 {
		return failed
	}
	return nil
}

func TestRefusedBySeccomp(t *testing.T) {
	for errno, name := range map[unix.Errno]string{unix.EPERM: "EPERM", unix.ENOSYS: "ENOSYS"} {
		t.Run(name, func(t *testing.T) {
			got := run(t, refuseEnv+"="+strconv.Itoa(int(errno)))
			want := answer{Errno: name, DisabledSysctl: check().DisabledSysctl, Seccomp: 2}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestStructSize(t *testing.T) {
	if size := unsafe.Sizeof(params{}); size != 120 {
		t.Errorf("params has %d bytes, io_uring_params has 120", size)
	}
}

func TestRingOfThisKernel(t *testing.T) {
	got := check()
	if got.Errno != "" {
		t.Skipf("io_uring is refused here with %s (sysctl %d, seccomp %d)", got.Errno, got.DisabledSysctl, got.Seccomp)
	}
	// Every kernel that has io_uring at all since 5.4 reports SINGLE_MMAP.
	if got.Features&1 == 0 {
		t.Errorf("the ring was made and the kernel reports the features %#x", got.Features)
	}
	if got.OK != (got.Features&neededFeatures == neededFeatures) {
		t.Errorf("ok is %v for the features %#x", got.OK, got.Features)
	}
}

func TestLeavesNoDescriptor(t *testing.T) {
	before := openDescriptors(t)
	check()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// run starts this test binary as ringcheck, with one more variable in its environment.
func run(t *testing.T, variable string) answer {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), variable)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var a answer
	if err := json.Unmarshal(stdout, &a); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	return a
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
