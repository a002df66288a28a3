package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// This test's binary is the peer as well: what it does stands in the variable, so that the test's own
// flags are out of the way.
const roleVariable = "POLLGATE_PEER_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "listens":
		addresses := []net.Addr{
			&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711},
			&net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 53},
		}
		if err := Run(os.Stdin, os.Stdout, addresses, func() error { select {} }); err != nil {
			os.Exit(1)
		}
	case "talks":
		fmt.Println("no address")
	case "silent":
		os.Exit(3)
	}
}

func startAs(t *testing.T, role string) (*Process, error) {
	t.Helper()
	t.Setenv(roleVariable, role)
	return Start("test peer")
}

func TestAPeerIsReadyWhenItsAddressesAreKnownAndEndsWhenStopped(t *testing.T) {
	p, err := startAs(t, "listens")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Addresses); got != "[127.0.0.1:4711 127.0.0.2:53]" {
		t.Errorf("addresses %s", got)
	}
	if err := p.Stop(context.Background()); err != nil {
		t.Errorf("ended with %v, want no error", err)
	}
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestWhatIsNoPeerIsAnErrorWithItsFirstLine(t *testing.T) {
	for role, want := range map[string]string{
		"talks":  `the first line of the test peer is "no address\n", want its address`,
		"silent": `the first line of the test peer is "", want its address: no address`,
	} {
		if _, err := startAs(t, role); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", role, err, want)
		}
	}
}

// stillServer serves until it is drained.
type stillServer struct{ drained chan struct{} }

func (s *stillServer) Serve(net.Listener) error {
	<-s.drained
	return nil
}

func (s *stillServer) Drain(context.Context) error {
	close(s.drained)
	return errors.New("drained")
}

func TestAServerStopsWithTheFirstPeerThatEnds(t *testing.T) {
	first, err := startAs(t, "listens")
	if err != nil {
		t.Fatal(err)
	}
	second, err := startAs(t, "listens")
	if err != nil {
		t.Fatal(err)
	}
	server := With(&stillServer{make(chan struct{})}, first, second)
	served := make(chan error, 1)
	go func() { served <- server.Serve(nil) }()
	if err := second.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err == nil || err.Error() != "the test peer process has ended (signal: killed)" {
		t.Errorf("Serve returned %v, want how the peer ended", err)
	}
	err = server.Drain(context.Background())
	if err == nil || !strings.Contains(err.Error(), "drained") || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("Drain returned %v, want the server's error and the peer's", err)
	}
	select {
	case <-first.ended:
	default:
		t.Error("after the drain the other peer is still there")
	}
}
