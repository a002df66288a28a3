package fault

import (
	"net"
	"sync"
)

// connPool keeps TCP connections to one address; it grows to as many as are used at a time.
type connPool struct {
	address *net.TCPAddr
	mutex   sync.Mutex
	idle    []*net.TCPConn
}

// use calls talk with a connection that nobody else uses, and keeps it unless talk fails.
func (p *connPool) use(talk func(*net.TCPConn) error) error {
	conn, err := p.take()
	if err != nil {
		return err
	}
	if err := talk(conn); err != nil {
		conn.Close()
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.idle = append(p.idle, conn)
	return nil
}

func (p *connPool) take() (*net.TCPConn, error) {
	p.mutex.Lock()
	if last := len(p.idle) - 1; last >= 0 {
		conn := p.idle[last]
		p.idle = p.idle[:last]
		p.mutex.Unlock()
		return conn, nil
	}
	p.mutex.Unlock()
	return net.DialTCP("tcp", nil, p.address)
}
